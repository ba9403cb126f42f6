import { expect, test } from 'vitest';
import { startEjabberd } from '../support/ejabberd.ts';
import { startExchangeSimulator } from '../support/exchange-simulator/exchange-simulator.ts';
import { gatewayConfig, startGateway } from '../support/gateway-process.ts';
import { from, ONLINE } from '../support/house.ts';

test('over TLS, verified against our own authority, a watcher on ejabberd sees the meeting, and its end with the gateway', async () => {
  const ejabberd = await startEjabberd();
  const exchange = await startExchangeSimulator();
  const { component, domain } = ejabberd;
  exchange.calendars.addMailbox(`alice@${domain}`);
  exchange.calendars.book(`alice@${domain}`, { start: Date.now() - 60_000, end: Date.now() + 60_000 });
  const usual = gatewayConfig({
    prosody: { componentPort: ejabberd.componentTlsPort, domain, component },
    simulator: exchange,
    overrides: { xmpp: { host: 'localhost', tls: { caFile: 'authority.pem' } } },
  });
  const gateway = await startGateway({ ...usual, files: { ...usual.files, 'authority.pem': ejabberd.ca } });
  try {
    expect(await gateway.waitForLog(ONLINE)).toMatchObject({ tls: true });
    const bob = await ejabberd.watcher('bob');
    const alice = `alice@${component.domain}`;
    await bob.subscribe(alice);
    await bob.next(from(alice, 'subscribed'));
    await bob.next(from(alice, undefined, 'dnd'));
    const stopped = gateway.stop();
    await bob.next(from(alice, 'unavailable'));
    expect(await stopped).toBe(0);
    await bob.stop();
  } finally {
    await gateway.remove();
    await ejabberd.remove();
    await exchange.stop();
  }
});

test('an authority that did not sign the server’s certificate is refused, and named in the log', async () => {
  const ejabberd = await startEjabberd();
  const { component, domain } = ejabberd;
  const usual = gatewayConfig({
    prosody: { componentPort: ejabberd.componentTlsPort, domain, component },
    simulator: { url: 'http://127.0.0.1:9/EWS/Exchange.asmx' },
    overrides: { xmpp: { host: 'localhost', tls: true } },
  });
  const gateway = await startGateway(usual);
  try {
    const alert = await gateway.waitForLog((line) => 'retryIn' in line);
    expect(alert.level).toBe('error');
    expect(JSON.stringify(alert)).toMatch(/certificate/i);
  } finally {
    await gateway.remove();
    await ejabberd.remove();
  }
});
