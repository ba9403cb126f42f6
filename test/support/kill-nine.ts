import { expect, vi } from 'vitest';
import { from, type House, ONLINE, openHouse } from './house.ts';
import { Random } from './random.ts';
import { serverUnderTest } from './server-under-test.ts';
import type { Received, Watcher } from './xmpp-watcher.ts';

export type KillNineOptions = {
  /** How many times a watcher subscribes or unsubscribes, and the gateway is killed at a random moment of it. */
  readonly exchanges: number;
  /** Makes a run repeatable, but for the machine's own timing. */
  readonly seed: number;
  readonly entry?: 'source' | 'dist';
};

/** What a watcher last asked of a contact, and whether the gateway acknowledged it. */
type Wish = { readonly kind: 'subscribe' | 'unsubscribe'; acknowledged: boolean };

const CONTACTS = 12;
/** An exchange takes some 10 to 60 ms: a kill comes before, within or after it. */
const LATEST_KILL = 120;

/**
 * kill -9 at random moments while watchers subscribe and unsubscribe, a restart each time. After each: every
 * acknowledged subscription is in the database, and none whose end was acknowledged. At the end everyone logs in
 * anew, and every watcher sees the truth.
 */
export async function surviveKills({ exchanges, seed, entry = 'source' }: KillNineOptions): Promise<string> {
  const names = Array.from({ length: CONTACTS }, (_, i) => `contact${i}`);
  await using house = await openHouse({ mailboxes: names, entry });
  for (const [i, name] of names.entries()) if (i % 2 === 0) house.meetingNow(name, 'Busy', 3_600_000);
  let watchers = [await house.watcher('bob'), await house.watcher('carol')];
  const wishes = new Map<string, Wish>();
  const random = new Random(seed);
  let acknowledged = 0;

  for (let i = 0; i < exchanges; i++) {
    const watcher = random.pick(watchers);
    const name = random.pick(names);
    const key = `${name} ${watcher.bareJid}`;
    const wish: Wish = {
      kind: wishes.get(key)?.kind === 'subscribe' ? 'unsubscribe' : 'subscribe',
      acknowledged: false,
    };
    wishes.set(key, wish);
    const before = watcher.received.length;
    await watcher[wish.kind](house.contact(name));
    await new Promise((resolve) => setTimeout(resolve, random.between(0, LATEST_KILL)));
    await house.gateway.kill();
    // What had left the gateway before it died still arrives.
    await watcher.expectSilence(30, () => false);
    wish.acknowledged = watcher.received.slice(before).some(acknowledges(house.contact(name), wish.kind));
    if (wish.acknowledged) acknowledged++;
    const marks = watchers.map(({ received }) => received.length);
    await house.gateway.restart();
    await house.gateway.waitForLog(ONLINE);
    // What the new process says first may be that nothing is known: not to be taken for the answer to an unsubscribe.
    for (const [w, its] of watchers.entries()) await allShown(house, its, marks[w] as number, wishes);
    checkRows(house, wishes, `seed ${seed}, exchange ${i}`);
  }

  for (const watcher of watchers) await watcher.stop();
  watchers = [await house.watcher('bob'), await house.watcher('carol')];
  for (const watcher of watchers) await checkScreen(house, watcher, names, wishes);
  return `seed ${seed}: ${exchanges} exchanges and kills, ${acknowledged} acknowledged, ${house.rows().length} rows at the end`;
}

function acknowledges(contact: string, kind: Wish['kind']): (stanza: Received) => boolean {
  return from(contact, kind === 'subscribe' ? 'subscribed' : 'unavailable');
}

/** Waits until every contact whose subscription was acknowledged has shown something since the mark. */
async function allShown(
  house: House,
  watcher: Watcher,
  mark: number,
  wishes: ReadonlyMap<string, Wish>,
): Promise<void> {
  for (const [key, { kind, acknowledged }] of wishes) {
    const [name = '', jid] = key.split(' ');
    if (jid !== watcher.bareJid || kind !== 'subscribe' || !acknowledged) continue;
    const isShown = ({ from: sender, type }: Received) =>
      sender.startsWith(`${house.contact(name)}/`) && type === undefined;
    await vi.waitFor(() => expect(watcher.received.slice(mark).some(isShown)).toBe(true), {
      timeout: 10_000,
      interval: 20,
    });
  }
}

function checkRows(house: House, wishes: ReadonlyMap<string, Wish>, when: string): void {
  const rows = new Set(house.rows());
  for (const [key, { kind, acknowledged }] of wishes) {
    if (acknowledged)
      expect([when, key, kind, rows.has(`${key} subscribed`)]).toEqual([when, key, kind, kind === 'subscribe']);
  }
}

/**
 * Whoever asked last to be subscribed sees the contact as it is, whether that was acknowledged before or not: servers ask
 * again at each log-in (RFC 6121 §3.1.2). ejabberd 23.01 does not: there what got lost stays lost. An unsubscribe that the
 * killed process never read is lost on every server: nobody says it again, and only one that was answered counts.
 */
async function checkScreen(
  house: House,
  watcher: Watcher,
  names: readonly string[],
  wishes: ReadonlyMap<string, Wish>,
): Promise<void> {
  for (const [i, name] of names.entries()) {
    const wish = wishes.get(`${name} ${watcher.bareJid}`);
    if (wish?.kind === 'subscribe' && (wish.acknowledged || serverUnderTest() !== 'ejabberd'))
      await watcher.next(from(house.contact(name), undefined, i % 2 === 0 ? 'dnd' : undefined), 10_000);
  }
  await watcher.expectSilence(300);
  for (const name of names) {
    const wish = wishes.get(`${name} ${watcher.bareJid}`);
    if (wish !== undefined && (wish.kind === 'subscribe' || !wish.acknowledged)) continue;
    const seen = watcher.received.filter(
      ({ from: sender, type }) => sender.startsWith(`${house.contact(name)}/`) && type === undefined,
    );
    expect(seen.map(({ from: sender }) => sender)).toEqual([]);
  }
}
