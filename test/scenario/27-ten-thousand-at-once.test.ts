import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import xml from '@xmpp/xml';
import { expect, test } from 'vitest';
import { ONLINE, openHouse } from '../support/house.ts';

const CONTACTS = 10_000;
/** The gateway's, with all these calendars. */
const MOST_MEMORY = 300 * 1024 * 1024;

// Checklist 27: 10,000 changes at :00 → bounded memory, pings still answered, every watcher has the last state.
test('when ten thousand meetings begin in one second, all are seen, and pings are answered meanwhile', async () => {
  const config = { xmpp: { repeatRate: 20_000 }, log: { level: 'info' } };
  await using house = await openHouse({ config });
  const bob = await house.watcher('bob');
  await house.gateway.stop();
  const names = Array.from({ length: CONTACTS }, (_, i) => `c${i}`);
  addRows(join(house.gateway.folder, 'gateway.db'), names, bob.bareJid);
  const begins = house.now() + 15_000;
  for (const name of names) {
    house.exchange.calendars.addMailbox(house.mailbox(name));
    house.exchange.calendars.book(house.mailbox(name), { start: begins, end: begins + 3_600_000 });
  }
  // Bob's roster knows nothing of them: presence to an available client is delivered all the same.
  await house.gateway.restart();
  await house.gateway.waitForLog(ONLINE);
  const shows = () => new Map(bob.received.map(({ from, show, type }) => [from.split('@')[0], type ?? show]));
  await expect.poll(() => bob.received.length, { timeout: 40_000, interval: 200 }).toBeGreaterThanOrEqual(CONTACTS);
  expect(house.now()).toBeLessThan(begins);

  let slowest = 0;
  const isOver = () => [...shows().values()].filter((show) => show === 'dnd').length === CONTACTS;
  await sleep(Math.max(0, begins - house.now()));
  const limit = Date.now() + 30_000;
  while (!isOver() && Date.now() < limit) {
    const asked = performance.now();
    await bob.request(xml('iq', { type: 'get', to: house.server.component.domain }, xml('ping', 'urn:xmpp:ping')));
    slowest = Math.max(slowest, performance.now() - asked);
    await sleep(100);
  }
  expect([...shows().values()].filter((show) => show !== 'dnd')).toEqual([]);
  // With the watcher's own time to read what comes before the answer.
  expect(slowest).toBeLessThan(5_000);
  const [, kilobytes] = /VmHWM:\s*(\d+) kB/.exec(readFileSync(`/proc/${house.gateway.pid}/status`, 'utf8')) ?? [];
  expect(Number(kilobytes) * 1024).toBeLessThan(MOST_MEMORY);
});

function addRows(file: string, contacts: readonly string[], watcher: string): void {
  const database = new DatabaseSync(file);
  database.exec('BEGIN');
  const insert = database.prepare("INSERT INTO subscriptions VALUES (?, ?, 'subscribed', 0)");
  for (const contact of contacts) insert.run(contact, watcher);
  database.exec('COMMIT');
  database.close();
}
