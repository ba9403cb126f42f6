// What Bob sees in a browser. With PICTURES=folder the screenshots are kept there: `npm run pictures`.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { xml } from '@xmpp/client';
import { afterEach, expect, test } from 'vitest';
import { startChromium } from '../../support/chromium.ts';
import { makeConverseSite, openConverse } from '../../support/converse.ts';
import { from, ONLINE } from '../../support/house.ts';
import { startProsody } from '../../support/prosody.ts';
import { openStage } from './stage.ts';

const HOUR = 3_600_000;
/** Of the window, in CSS pixels: the roster, and of the conversation what says something. */
const CLIP = { x: 0, y: 0, width: 416, height: 314 };
const NAMES = { alice: 'Alice', carol: 'Carol', dave: 'Dave' };

/** What is closed after the test, the last one first. */
const closings: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

test('Bob sees in Converse.js that Alice is available, in a meeting, away, and that nothing is known', async () => {
  const site = await makeConverseSite();
  closings.push(() => site.remove());
  const prosody = await startProsody({
    ...site.prosody,
    domain: 'example.com',
    component: { domain: 'calendar.example.com', secret: 'component-secret' },
    users: ['bob'],
  });
  closings.push(() => prosody.remove());
  const stage = await openStage(prosody, Object.keys(NAMES));
  closings.push(() => stage.close());
  const { calendars, contact, mailbox } = stage;
  const today = { start: Date.now() - HOUR, end: Date.now() + HOUR };
  calendars.outOfOffice(mailbox('dave'), today);

  const bob = await prosody.watcher('bob');
  for (const [name, label] of Object.entries(NAMES)) {
    const item = xml('item', { jid: contact(name), name: label });
    await bob.request(xml('iq', { type: 'set' }, xml('query', { xmlns: 'jabber:iq:roster' }, item)));
    await bob.subscribe(contact(name));
    await bob.next(from(contact(name), 'subscribed'));
  }
  await bob.stop();

  const browser = await startChromium();
  closings.push(() => browser.close());
  const password = prosody.passwordOf('bob');
  const converse = await openConverse(browser, site, { jid: 'bob@example.com', password });
  const keep = async (name: string) =>
    keepPicture(name, await converse.page.screenshot({ animations: 'disabled', clip: CLIP }));
  const alice = contact('alice');

  await converse.untilDot(alice, 'online');
  await converse.untilDot(contact('carol'), 'online');
  await converse.untilDot(contact('dave'), 'away');
  await converse.open(alice);
  await converse.untilText('');
  await keep('available');

  const meeting = calendars.book(mailbox('alice'), today);
  await converse.untilDot(alice, 'busy');
  await converse.untilText('In a meeting');
  await keep('in-a-meeting');

  calendars.cancel(meeting);
  calendars.outOfOffice(mailbox('alice'), today);
  await converse.untilDot(alice, 'away');
  await converse.untilText('Away');
  await keep('away');

  expect(await stage.gateway.stop()).toBe(0);
  for (const name of Object.keys(NAMES)) await converse.untilDot(contact(name), 'offline');
  await converse.untilText('');
  await keep('unavailable');

  await stage.gateway.restart();
  await stage.gateway.waitForLog(ONLINE);
  await converse.untilDot(alice, 'away');
  await converse.untilText('Away');
  await converse.untilDot(contact('carol'), 'online');
});

/** Small enough for a README that is read over a slow line; the size is in the header of PNG (IHDR, 11.2.2). */
function keepPicture(name: string, picture: Buffer): void {
  expect(picture.byteLength).toBeLessThan(100 * 1024);
  expect([picture.readUInt32BE(16), picture.readUInt32BE(20)]).toEqual([2 * CLIP.width, 2 * CLIP.height]);
  const folder = process.env.PICTURES;
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.png`), picture);
}
