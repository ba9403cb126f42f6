import { describe, expect, test } from 'vitest';
import { type GatewayProcess, gatewayConfig, startGateway } from '../support/gateway-process.ts';

const usual = gatewayConfig({
  prosody: { componentPort: 9, domain: 'example.test', component: { domain: 'calendar.example.test', secret: 's' } },
  simulator: { url: 'http://127.0.0.1:9/EWS/Exchange.asmx' },
});

async function ended(gateway: GatewayProcess): Promise<{ code: number | null; output: string; logs: number }> {
  try {
    const code = await gateway.exit();
    return { code, output: gateway.output, logs: gateway.logs.length };
  } finally {
    await gateway.remove();
  }
}

const withServer = (change: object) => {
  const [server] = (usual.config as { exchange: { servers: object[] } }).exchange.servers;
  return { ...usual.config, exchange: { servers: [{ ...server, ...change }] } };
};

describe('a configuration that can’t be used ends with 78, the line to mend, and nothing started', () => {
  test.each([
    ['a wrong key', { ...usual.config, calender: {} }, usual.files, /gateway\.yaml:\d+:\d+: calender: .*calendar/],
    [
      'a missing secret',
      usual.config,
      { ...usual.files, 'component-secret': '' },
      /gateway\.yaml:\d+:\d+: xmpp\.secretFile: /,
    ],
    [
      'an unreadable CA',
      withServer({ caFile: 'nowhere.pem' }),
      usual.files,
      /gateway\.yaml:\d+:\d+: exchange\.servers\[0\]\.caFile: .*nowhere\.pem/,
    ],
    [
      'a folder for the database that is not there',
      { ...usual.config, storage: { file: 'nowhere/gateway.db' } },
      usual.files,
      /gateway\.yaml:\d+:\d+: storage\.file: .*nowhere/,
    ],
    [
      'stale before it is refreshed',
      { ...usual.config, calendar: { refresh: '31m' } },
      usual.files,
      /calendar\.\w+: .*twice/,
    ],
  ])('%s', async (_, config, files, message) => {
    const { code, output, logs } = await ended(await startGateway({ config, files }));
    expect(code).toBe(78);
    expect(output).toMatch(message);
    expect(logs).toBe(0);
  });
});
