import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { expect, test } from 'vitest';
import { gatewayConfig, startGateway } from '../support/gateway-process.ts';
import { openHouse } from '../support/house.ts';

const REFUSED = 'The database can’t be used';

test.each([
  ['corrupt', (file: string) => writeFileSync(file, 'this is no database, and has been none for long'.repeat(100))],
  [
    'of a newer version',
    (file: string) => {
      const database = new DatabaseSync(file);
      database.exec('PRAGMA user_version = 999');
      database.close();
    },
  ],
])('a database that is %s is refused, named, and left as it is', async (_, spoil) => {
  await using house = await openHouse();
  await house.gateway.stop();
  const file = join(house.gateway.folder, 'gateway.db');
  spoil(file);
  const before = readFileSync(file);
  await house.gateway.restart();
  const refusal = await house.gateway.waitForLog(REFUSED);
  expect(refusal.reason).toContain(file);
  expect(await house.gateway.exit()).toBe(74);
  expect(readFileSync(file).equals(before)).toBe(true);
});

test('a second gateway on the same database refuses to start, and the first goes on', async () => {
  await using house = await openHouse();
  const file = join(house.gateway.folder, 'gateway.db');
  const usual = gatewayConfig({ prosody: house.server, simulator: house.exchange, overrides: { storage: { file } } });
  const second = await startGateway(usual);
  try {
    expect((await second.waitForLog(REFUSED)).reason).toContain(file);
    expect(await second.exit()).toBe(74);
    expect(house.gateway.isRunning).toBe(true);
  } finally {
    await second.remove();
  }
});
