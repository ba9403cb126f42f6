import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { runCheck } from '../support/check-command.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../support/exchange-simulator/exchange-simulator.ts';
import { freePort } from '../support/free-port.ts';
import { gatewayConfig } from '../support/gateway-process.ts';
import { ONLINE, openHouse } from '../support/house.ts';
import { type Prosody, startProsody } from '../support/prosody.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

describe('the check of the way to XMPP', () => {
  let prosody: Prosody;
  let simulator: ExchangeSimulator;
  let folder: TempFolder;
  beforeAll(async () => {
    prosody = await startProsody();
    simulator = await startExchangeSimulator();
    folder = makeTempFolder();
  });
  afterAll(async () => {
    await prosody.remove();
    await simulator.stop();
    folder.remove();
  });

  async function check(xmpp: object) {
    const { config, files } = gatewayConfig({ prosody, simulator, overrides: { xmpp } });
    for (const [name, content] of Object.entries(files)) folder.write(name, content);
    folder.write('wrong-secret', 'not the secret');
    return await runCheck('-c', folder.write('gateway.yaml', stringify(config)), '--json');
  }

  test('says that the domain is known, the secret accepted and the ping answered', async () => {
    const ran = await check({});
    expect(ran.finding('XMPP', 'handshake')).toMatchObject({
      severity: 'ok',
      seen: expect.stringContaining(prosody.component.domain),
    });
    expect(ran.finding('XMPP', 'ping')).toMatchObject({ severity: 'ok' });
    expect(ran.code).toBe(0);
    // No lock of a gateway that never ran.
    expect(existsSync(folder.file('gateway.db.lock'))).toBe(false);
  });

  test.each([
    ['the secret is wrong', { secretFile: 'wrong-secret' }, /refused the component secret/, /component_secret/],
    ['the domain is unknown', { domain: 'nobody.example.test' }, /does not know this component domain/, /hosts below/],
  ])('says what to mend when %s', async (_what, xmpp, seen, advice) => {
    const ran = await check(xmpp);
    expect(ran.finding('XMPP', 'handshake')).toMatchObject({
      severity: 'error',
      seen: expect.stringMatching(seen),
      advice: expect.stringMatching(advice),
    });
    expect(ran.summary?.servers).toMatchObject({ XMPP: 'error' });
    expect(ran.code).toBe(1);
    expect(ran.stdout).not.toContain('not the secret');
  });

  test('says that nothing listens', async () => {
    const ran = await check({ port: await freePort() });
    expect(ran.finding('XMPP', 'connect')).toMatchObject({
      severity: 'error',
      seen: expect.stringContaining('REFUSED'),
    });
    expect(ran.finding('XMPP', 'handshake')).toBeUndefined();
  });
});

test('the check leaves the connection of a gateway that runs alone, and shakes hands when it has stopped', async () => {
  await using house = await openHouse();
  const { configFile, folder } = house.gateway;
  const running = await runCheck('-c', configFile, '--json');
  expect(running.finding('XMPP', 'handshake')).toMatchObject({
    severity: 'info',
    seen: expect.stringMatching(/the gateway is running and connected as calendar\.example\.test/),
  });
  expect(running.finding('XMPP', 'ping')).toBeUndefined();
  expect(running.code).toBe(0);
  expect(house.gateway.logs.filter(({ msg }) => /connection to the XMPP server|closed the/i.test(msg))).toEqual([]);

  await house.gateway.stop();
  const stopped = await runCheck('-c', configFile, '--json');
  expect(stopped.finding('XMPP', 'ping')).toMatchObject({ severity: 'ok' });
  expect(existsSync(join(folder, 'gateway.db.lock'))).toBe(true);
  // The lock was given back.
  await house.gateway.restart();
  await house.gateway.waitForLog(ONLINE);
});
