import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Look, type Presence, presenceKey, UNAVAILABLE, UNKNOWN } from '../../../component/presence/presence.ts';
import {
  type Announcement,
  PresencePublisher,
  type PresenceWire,
} from '../../../component/presence/presence-publisher.ts';
import { SECOND } from '../../../component/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const FREE: Look = { available: true, status: {} };
const BUSY: Look = { available: true, show: 'dnd', status: { en: 'In a meeting' } };
const AWAY: Look = { available: true, show: 'away', status: { en: 'Away' } };

class FakeWire implements PresenceWire {
  online = true;
  space = 1000;
  readonly said: { contact: string; presence: Presence; to: string }[] = [];
  #waiting: (() => void)[] = [];

  room(): number {
    return this.online ? this.space : 0;
  }

  whenRoom(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }

  announce(announcements: readonly Announcement[]): boolean {
    return (
      this.online &&
      announcements.every(({ contact, presence, to }) => to.every((one) => this.say(contact, presence, one)))
    );
  }

  say(contact: string, presence: Presence, to: string): boolean {
    if (!this.online) return false;
    this.said.push({ contact, presence, to });
    this.space--;
    return true;
  }

  /** The server has acknowledged: there is room for so many more. */
  open(space: number): void {
    this.space = space;
    if (space > 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  take(): string[] {
    return this.said.splice(0).map(({ contact, to, presence }) => `${contact}→${to} ${word(presence.look)}`);
  }
}

function word(look: Look): string {
  if (!look.available) return 'unavailable';
  return look.show ?? 'available';
}

const keyOf = (look: Look) => presenceKey({ ...UNKNOWN, look });

function setUp(
  contacts: Record<string, string[]>,
  options: { repeatRate?: number; said?: Record<string, string> } = {},
) {
  const clock = new FakeClock(0);
  const wire = new FakeWire();
  const store = new MemoryStore();
  const looks = new Map<string, Look>(Object.keys(contacts).map((contact) => [contact, FREE]));
  const watchers = new Map(Object.entries(contacts));
  const publisher = new PresencePublisher({
    ...{ clock, wire, store },
    logger: new RecordingLogger(),
    presenceOf: (contact): Presence => ({ ...UNKNOWN, look: looks.get(contact) ?? UNAVAILABLE }),
    watchersOf: (contact) => watchers.get(contact) ?? [],
    repeatRate: options.repeatRate ?? 2000,
  });
  for (const contact of watchers.keys()) publisher.restore(contact, options.said?.[contact]);
  const show = (contact: string, look: Look) => {
    looks.set(contact, look);
    publisher.changed(contact);
  };
  /** Online, everything said once, and forgotten by the wire. */
  const settled = async () => {
    publisher.repeatAll();
    await clock.pass(10 * SECOND);
    wire.said.length = 0;
    wire.space = 1000;
  };
  return { clock, wire, store, looks, watchers, publisher, show, settled };
}

describe('telling watchers', () => {
  test('a change reaches each watcher once, and what did not change reaches nobody', async () => {
    const { clock, wire, show, settled, publisher } = setUp({ alice: ['bob', 'carol'], dave: ['bob'] });
    await settled();
    show('alice', BUSY);
    publisher.changed('alice');
    publisher.changed('dave');
    await clock.pass(0);
    expect(wire.take().sort()).toEqual(['alice→bob dnd', 'alice→carol dnd']);
    publisher.changed('alice');
    await clock.pass(SECOND);
    expect(wire.take()).toEqual([]);
  });

  test('a contact that changes twice while the wire is full is said once, with its last state', async () => {
    const { clock, wire, show, settled } = setUp({ alice: ['bob'] });
    await settled();
    wire.space = 0;
    show('alice', BUSY);
    await clock.pass(0);
    show('alice', AWAY);
    wire.open(10);
    await clock.pass(0);
    expect(wire.take()).toEqual(['alice→bob away']);
  });

  test('a contact that changes back while the wire is full is not said at all', async () => {
    const { clock, wire, show, settled } = setUp({ alice: ['bob'] });
    await settled();
    wire.space = 0;
    show('alice', BUSY);
    await clock.pass(0);
    show('alice', FREE);
    wire.open(10);
    await clock.pass(0);
    expect(wire.take()).toEqual([]);
  });

  test('a change in the midst of telling: those already told are told anew, the others only once', async () => {
    const { clock, wire, show, settled } = setUp({ alice: ['a', 'b', 'c', 'd'] });
    await settled();
    wire.space = 2;
    show('alice', BUSY);
    await clock.pass(0);
    expect(wire.take()).toHaveLength(2);
    show('alice', FREE);
    wire.open(10);
    await clock.pass(0);
    // Two saw the meeting and must see its end; the other two never saw it.
    expect(wire.take().map((line) => line.split(' ')[1])).toEqual(['available', 'available']);
  });

  test('contacts with many watchers take turns with the others', async () => {
    const { clock, wire, show, settled } = setUp(
      { alice: Array.from({ length: 5000 }, (_, i) => `w${i}`), dave: ['bob'] },
      { repeatRate: 1e6 },
    );
    wire.space = 1e6;
    await settled();
    show('alice', BUSY);
    show('dave', BUSY);
    await clock.pass(0);
    expect(wire.take().indexOf('dave→bob dnd')).toBeLessThanOrEqual(100);
  });

  test('who was just subscribed is told the presence, and then only what changes', async () => {
    const { clock, wire, publisher, looks, watchers, show } = setUp({});
    looks.set('alice', BUSY);
    watchers.set('alice', ['bob']);
    publisher.greet('alice', 'bob');
    expect(wire.take()).toEqual(['alice→bob dnd']);
    publisher.changed('alice');
    await clock.pass(SECOND);
    expect(wire.take()).toEqual([]);
    show('alice', FREE);
    await clock.pass(0);
    expect(wire.take()).toEqual(['alice→bob available']);
  });

  test('a probe is answered to the client that probed', () => {
    const { wire, publisher } = setUp({ alice: ['bob'] });
    publisher.answer('alice', 'bob/phone');
    expect(wire.take()).toEqual(['alice→bob/phone available']);
  });

  test('a contact without watchers is said to nobody any more', async () => {
    const { clock, wire, publisher, show, settled } = setUp({ alice: ['bob'] });
    await settled();
    publisher.forget('alice');
    show('alice', BUSY);
    await clock.pass(SECOND);
    expect(wire.take()).toEqual([]);
  });
});

describe('after a reconnect', () => {
  test('everything is said again: what differs from the last time first, then meetings and away, then the rest', async () => {
    const said = {
      a: keyOf(FREE),
      b: keyOf(BUSY),
      c: keyOf(FREE),
      d: keyOf(AWAY),
    };
    const { clock, wire, looks, publisher } = setUp({ a: ['w'], b: ['w'], c: ['w'], d: ['w'] }, { said });
    looks.set('b', BUSY).set('c', BUSY).set('d', AWAY);
    publisher.repeatAll();
    await clock.pass(SECOND);
    expect(wire.take()).toEqual(['c→w dnd', 'b→w dnd', 'd→w away', 'a→w available']);
  });

  test('repetition keeps to its rate', async () => {
    const contacts = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`c${i}`, ['w']]));
    const { clock, wire, publisher } = setUp(contacts, { repeatRate: 100 });
    publisher.repeatAll();
    await clock.pass(5 * SECOND);
    expect(wire.said.length).toBeGreaterThanOrEqual(490);
    expect(wire.said.length).toBeLessThanOrEqual(520);
  });

  test('a change does not wait for the repetition', async () => {
    const contacts = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`c${i}`, ['w']]));
    const { clock, wire, publisher, show } = setUp(contacts, { repeatRate: 100 });
    publisher.repeatAll();
    await clock.pass(SECOND + 30);
    wire.take();
    show('c999', BUSY);
    await clock.pass(0);
    expect(wire.take()[0]).toBe('c999→w dnd');
  });

  test('what changed while offline is said with the rest, once', async () => {
    const { clock, wire, publisher, show, settled } = setUp({ alice: ['bob'] });
    await settled();
    wire.online = false;
    show('alice', BUSY);
    await clock.pass(SECOND);
    wire.online = true;
    publisher.repeatAll();
    wire.open(1000);
    await clock.pass(SECOND);
    expect(wire.take()).toEqual(['alice→bob dnd']);
  });

  test('what was last said outlives the process', async () => {
    const { store, publisher, settled } = setUp({ alice: ['bob'] });
    await settled();
    await publisher.stop();
    const saved = [];
    for await (const records of store.loadSaid()) saved.push(...records);
    expect(saved).toEqual([{ contact: 'alice', said: keyOf(FREE) }]);
  });

  test('what was said of a contact that nobody watches any more is forgotten', async () => {
    const { store, publisher, settled } = setUp({ alice: ['bob'], carol: ['bob'] });
    await settled();
    publisher.forget('alice');
    await publisher.stop();
    const saved = [];
    for await (const records of store.loadSaid()) saved.push(...records);
    expect(saved.map(({ contact }) => contact)).toEqual(['carol']);
  });
});

describe('withdrawing', () => {
  test('every watcher learns that nothing is known any more, those that see a meeting or away first', async () => {
    const { wire, looks, publisher, settled } = setUp({ a: ['w'], b: ['w', 'x'], c: ['w'] });
    looks.set('b', BUSY);
    await settled();
    expect(await publisher.withdrawAll(new AbortController().signal)).toBe(0);
    const lines = wire.take();
    expect(lines.slice(0, 2).sort()).toEqual(['b→w unavailable', 'b→x unavailable']);
    expect(lines.slice(2)).toEqual(['a→w unavailable', 'c→w unavailable']);
  });

  test('who already sees nothing is told nothing', async () => {
    const { wire, looks, publisher, settled } = setUp({ a: ['w'] });
    looks.set('a', UNAVAILABLE);
    await settled();
    await publisher.withdrawAll(new AbortController().signal);
    expect(wire.take()).toEqual([]);
  });

  test('it ends at its limit and says how many contacts remain', async () => {
    const { wire, publisher, settled } = setUp({ a: ['w'], b: ['w'], c: ['w'] });
    await settled();
    wire.space = 1;
    const abort = new AbortController();
    const remaining = publisher.withdrawAll(abort.signal);
    await Promise.resolve();
    abort.abort();
    expect(await remaining).toBe(2);
  });

  test('no change is said after it', async () => {
    const { clock, wire, publisher, show, settled } = setUp({ a: ['w'] });
    await settled();
    await publisher.withdrawAll(new AbortController().signal);
    wire.take();
    show('a', BUSY);
    publisher.repeatAll();
    await clock.pass(SECOND);
    expect(wire.take()).toEqual([]);
  });
});

describe('in the midst of telling', () => {
  /** One watcher of three has been told of the meeting; the wire is full. */
  const halfTold = async () => {
    const house = setUp({ a: ['w1', 'w2', 'w3'] });
    await house.settled();
    house.wire.space = 1;
    house.show('a', BUSY);
    await house.clock.pass(10);
    expect(house.wire.take()).toEqual(['a→w1 dnd']);
    const rest = async (watcher: string) => {
      house.wire.open(1000);
      await house.clock.pass(SECOND);
      return house.wire.take().filter((line) => line.includes(watcher));
    };
    return { ...house, rest };
  };

  test('one who unsubscribes is told that it ends, and nothing after that', async () => {
    const { watchers, publisher, rest } = await halfTold();
    watchers.set('a', ['w1', 'w2']);
    publisher.answerUnavailable('a', 'w3');
    expect(await rest('w3')).toEqual(['a→w3 unavailable']);
  });

  test('when it is over already, only those who were told of it are told so', async () => {
    const { show, rest } = await halfTold();
    show('a', FREE);
    expect(await rest('w')).toEqual(['a→w1 available']);
  });

  test('one who subscribes again ends with the last state', async () => {
    const { publisher, show, rest } = await halfTold();
    show('a', FREE);
    publisher.greet('a', 'w1');
    show('a', BUSY);
    expect((await rest('w1')).at(-1)).toBe('a→w1 dnd');
  });

  test('a client that probes ends with the last state', async () => {
    const { publisher, show, rest } = await halfTold();
    show('a', FREE);
    publisher.answer('a', 'w1/phone');
    show('a', BUSY);
    expect((await rest('w1')).at(-1)).toBe('a→w1 dnd');
  });

  test('a change that comes while the last one is being finished is told, too', async () => {
    for (let microtasks = 0; microtasks < 8; microtasks++) {
      const { wire, show, settled, clock } = setUp({ a: ['w'], b: ['w'] });
      await settled();
      show('a', BUSY);
      for (let i = 0; i < microtasks; i++) await Promise.resolve();
      show('b', BUSY);
      await clock.pass(SECOND);
      expect(wire.take()).toEqual(['a→w dnd', 'b→w dnd']);
    }
  });

  test('a new watcher who was told before the clock came to the transition learns when it is taken back', async () => {
    const { wire, looks, watchers, settled, publisher, clock, show } = setUp({ a: ['w1'] });
    await settled();
    watchers.set('a', ['w1', 'w2']);
    looks.set('a', BUSY);
    publisher.greet('a', 'w2');
    show('a', FREE);
    await clock.pass(SECOND);
    expect(
      wire
        .take()
        .filter((line) => line.includes('w2'))
        .at(-1),
    ).toBe('a→w2 available');
  });
});

test('what went stale unnoticed is withdrawn at a stop', async () => {
  const { wire, looks, settled, publisher } = setUp({ a: ['w'] });
  await settled();
  looks.set('a', UNAVAILABLE);
  await publisher.withdrawAll(AbortSignal.timeout(1000));
  expect(wire.take()).toEqual(['a→w unavailable']);
});

test('a high rate of repetition is reached when the wire has room often', async () => {
  const contacts = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`c${i}`, ['w']]));
  const { wire, publisher, clock } = setUp(contacts, { repeatRate: 20_000 });
  const acknowledge = (): void => {
    wire.open(500);
    clock.after(10, acknowledge);
  };
  acknowledge();
  publisher.repeatAll();
  await clock.pass(SECOND / 2);
  expect(wire.said).toHaveLength(5000);
});

test('however changes, full wires and reconnects mix, every watcher ends with the last state', async () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('show' as const),
        contact: fc.nat(3),
        look: fc.constantFrom(FREE, BUSY, AWAY, UNAVAILABLE),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('room' as const), space: fc.nat(7) }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'reconnect' as const }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), time: fc.nat(300) }) },
  );
  const contacts = { c0: ['a', 'b', 'c'], c1: ['a'], c2: ['b', 'd', 'e', 'f'], c3: ['a', 'f'] };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { clock, wire, looks, publisher, show } = setUp(contacts, { repeatRate: 50 });
      publisher.repeatAll();
      for (const action of steps) {
        if (action.kind === 'show') show(`c${action.contact}`, action.look);
        else if (action.kind === 'room') wire.open(action.space);
        else if (action.kind === 'pass') await clock.pass(action.time);
        else {
          // What was under way is lost with the old connection.
          wire.said.splice(0);
          publisher.repeatAll();
        }
      }
      wire.open(1e6);
      await clock.pass(10 * SECOND);
      const seen = new Map(wire.said.map(({ contact, to, presence }) => [`${contact} ${to}`, presence.look]));
      for (const [contact, watchers] of Object.entries(contacts)) {
        for (const watcher of watchers) expect(seen.get(`${contact} ${watcher}`)).toBe(looks.get(contact));
      }
    }),
    { numRuns: 200 },
  );
});

describe('every client of every watcher ends with the last state', () => {
  const contact = fc.constantFrom('a', 'b');
  const watcher = fc.constantFrom('w1', 'w2', 'w3');
  const step = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('show' as const),
        contact,
        look: fc.constantFrom(FREE, BUSY, AWAY, UNAVAILABLE),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('room' as const), space: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), time: fc.nat(50) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom('leave or join' as const, 'probe' as const, 'ask again' as const),
        contact,
        watcher,
      }),
    },
  );

  test('however subscribing, leaving, probing and changes mix with a slow wire', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { wire, looks, watchers, show, settled, publisher, clock } = setUp({ a: ['w1', 'w2', 'w3'], b: ['w1'] });
        await settled();
        const clients = (jid: string) => (jid.includes('/') ? [jid] : [`${jid}/desk`, `${jid}/phone`]);
        const screens = new Map<string, string>();
        for (const [name, its] of watchers)
          for (const client of its.flatMap(clients)) screens.set(name + client, 'available');
        const absorb = (): void => {
          for (const { contact: name, to, presence } of wire.said.splice(0)) {
            for (const client of clients(to)) screens.set(name + client, word(presence.look));
          }
        };
        for (const action of steps) {
          if (action.kind === 'show') show(action.contact, action.look);
          else if (action.kind === 'room') wire.open(action.space);
          else if (action.kind === 'pass') await clock.pass(action.time);
          else act(action.kind, action.contact, action.watcher);
          wire.space = Math.max(0, wire.space);
          absorb();
        }
        for (let i = 0; i < 2; i++) {
          wire.open(10_000);
          await clock.pass(SECOND);
          absorb();
        }
        for (const name of ['a', 'b']) {
          for (const jid of ['w1', 'w2', 'w3']) {
            const truth = watchers.get(name)?.includes(jid) ? word(looks.get(name) ?? UNAVAILABLE) : 'unavailable';
            for (const client of clients(jid))
              expect(`${name} ${client} ${screens.get(name + client) ?? 'unavailable'}`).toBe(
                `${name} ${client} ${truth}`,
              );
          }
        }

        /** As the subscriptions do it: first they know, then it is said. */
        function act(kind: 'leave or join' | 'probe' | 'ask again', name: string, jid: string): void {
          const its = watchers.get(name) ?? [];
          const isWatcher = its.includes(jid);
          if (kind === 'probe' && isWatcher) publisher.answer(name, `${jid}/desk`);
          else if (kind === 'ask again' && isWatcher) publisher.greet(name, jid);
          else if (kind === 'leave or join' && isWatcher) {
            watchers.set(
              name,
              its.filter((other) => other !== jid),
            );
            publisher.answerUnavailable(name, jid);
            if (its.length === 1) publisher.forget(name);
          } else if (kind === 'leave or join') {
            watchers.set(name, [...its, jid]);
            publisher.greet(name, jid);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('thousands of contacts after a reconnect', () => {
  const many = (watchers: string[]) =>
    Object.fromEntries(Array.from({ length: 1_200 }, (_, index) => [`c${index}`, watchers]));

  test('what differs from what was last said goes first, however late it is found', async () => {
    const said = Object.fromEntries(Object.keys(many([])).map((contact) => [contact, keyOf(FREE)]));
    const { clock, wire, looks, publisher } = setUp(many(['bob']), { said });
    wire.space = 10_000;
    looks.set('c1199', BUSY);
    publisher.repeatAll();
    await clock.pass(SECOND);
    expect(wire.take()[0]).toBe('c1199→bob dnd');
  });

  test('one who subscribes meanwhile does not make the others be passed over', async () => {
    const { clock, wire, watchers, publisher, settled } = setUp(many(['bob']));
    wire.space = 10_000;
    await settled();
    wire.space = 10_000;
    publisher.repeatAll();
    watchers.set('c1100', ['bob', 'carol']);
    publisher.greet('c1100', 'carol');
    await clock.pass(10 * SECOND);
    const lines = wire.take();
    expect(lines.filter((line) => line === 'c1100→bob available')).toHaveLength(1);
    expect(lines.filter((line) => line === 'c1100→carol available')).toHaveLength(1);
    expect(lines).toHaveLength(1_201);
  });

  test('a change meanwhile goes at once', async () => {
    const { clock, wire, show, publisher, settled } = setUp(many(['bob']));
    wire.space = 10_000;
    await settled();
    wire.space = 10_000;
    publisher.repeatAll();
    show('c1199', BUSY);
    await clock.pass(0);
    expect(wire.said[0]).toMatchObject({ contact: 'c1199', presence: { look: BUSY } });
    await clock.pass(10 * SECOND);
    expect(wire.take()).toHaveLength(1_200);
  });

  test('a stop meanwhile ends it', async () => {
    const { clock, wire, publisher } = setUp(many(['bob']));
    publisher.repeatAll();
    await publisher.stop();
    await clock.pass(SECOND);
    expect(wire.take()).toEqual([]);
  });
});
