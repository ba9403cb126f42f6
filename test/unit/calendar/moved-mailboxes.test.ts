import { describe, expect, test } from 'vitest';
import type { CalendarSource, FreeBusyAnswer } from '../../../component/calendar/calendar-source.ts';
import {
  CalendarSourceError,
  type CalendarSourceErrorKind,
} from '../../../component/calendar/calendar-source-error.ts';
import { CalendarSync } from '../../../component/calendar/calendar-sync.ts';
import { HOUR, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { ScriptedFeed, ScriptedSource } from '../../support/scripted-source.ts';

const failing = (kind: CalendarSourceErrorKind, code?: string) =>
  new CalendarSourceError(kind, 'no', code === undefined ? {} : { code });
const wrongServer = failing('wrong-server', 'ErrorProxyRequestNotAllowed');
const refuses = (error: CalendarSourceError) => (mailbox: string) => ({ mailbox, error });

/** Servers whose rules all fit every mailbox, in their order. */
function setUp(names: readonly string[] = ['a', 'b']) {
  const clock = new FakeClock(Date.UTC(2026, 0, 5, 9));
  const feed = new ScriptedFeed();
  const sources = names.map(
    (name, index) => new ScriptedSource(clock, { name, ...(index === 1 && { changes: feed }) }),
  );
  const [a, b] = sources as [ScriptedSource, ScriptedSource];
  const answers: FreeBusyAnswer[] = [];
  const moves: (readonly string[])[] = [];
  const sync = new CalendarSync({
    ...{ clock, logger: new RecordingLogger(), random: () => 0.5 },
    route: (_mailbox, after?: CalendarSource) =>
      sources[(sources.indexOf(after as ScriptedSource) + 1) % sources.length],
    ...{ refresh: 5 * MINUTE, refreshNear: 2 * MINUTE, refreshIdle: 30 * MINUTE, coalesce: SECOND },
    window: { past: HOUR, future: 48 * HOUR },
    ...{
      timelineOf: () => undefined,
      onAnswer: (answer) => answers.push(answer),
      onMoved: (...move) => moves.push(move),
    },
  });
  sync.start();
  const known = () => answers.filter((answer) => 'periods' in answer).map(({ mailbox }) => mailbox);
  const errors = () => answers.flatMap((answer) => ('error' in answer ? [answer.error.kind] : []));
  return { clock, sources, a, b, c: sources[2] as ScriptedSource, feed, sync, answers, moves, known, errors };
}

describe('a mailbox whose server denies having it', () => {
  test('is asked for at the next that may have it, stays there, and is heard of as moved once', async () => {
    const { clock, a, b, feed, sync, moves, known, errors } = setUp();
    a.answer = refuses(wrongServer);
    sync.watch('alice');
    await clock.pass(SECOND);
    expect(known()).toEqual(['alice']);
    await clock.pass(2 * HOUR);
    expect(a.requests).toHaveLength(1);
    expect(b.requests.length).toBeGreaterThan(3);
    expect(moves).toEqual([['alice', 'a', 'b']]);
    expect(errors()).toEqual([]);
    expect([...feed.followed]).toEqual(['alice']);
  });

  test('goes back when it has moved back, whatever the one that it leaves calls that', async () => {
    for (const kind of ['wrong-server', 'mailbox-not-found'] as const) {
      const { clock, a, b, sync, moves, errors } = setUp();
      a.answer = refuses(wrongServer);
      sync.watch('alice');
      await clock.pass(SECOND);
      a.answer = (mailbox) => ({ mailbox, periods: [] });
      b.answer = refuses(failing(kind));
      await clock.pass(HOUR);
      expect(a.requests.length).toBeGreaterThan(2);
      expect([errors(), moves]).toEqual([[], [['alice', 'a', 'b']]]);
      sync.unwatch('alice');
      expect(clock.pending).toBeLessThanOrEqual(2);
    }
  });

  test('is never taken for one that does not exist because the next server does not know it', async () => {
    const { clock, a, b, sync, errors } = setUp();
    a.answer = refuses(wrongServer);
    b.answer = refuses(failing('mailbox-not-found'));
    sync.watch('alice');
    await clock.pass(HOUR);
    expect(new Set(errors())).toEqual(new Set(['wrong-server']));
  });

  test('is said to be in the trouble that it has where it is, if nobody gives its calendar', async () => {
    const { clock, a, b, sync, errors } = setUp();
    a.answer = refuses(wrongServer);
    b.answer = refuses(failing('access-denied'));
    sync.watch('alice');
    await clock.pass(HOUR);
    expect(new Set(errors())).toEqual(new Set(['access-denied']));
  });

  test('that none has is asked for all around twice at once, and then with growing pauses, five minutes in the end', async () => {
    const { clock, a, b, c, sync, errors } = setUp(['a', 'b', 'c']);
    for (const source of [a, b, c]) source.answer = refuses(wrongServer);
    sync.watch('alice');
    await clock.pass(20 * SECOND);
    expect([a, b, c].map(({ requests }) => requests.length)).toEqual([2, 2, 2]);
    await clock.pass(2 * HOUR);
    expect(a.requests.length).toBeGreaterThan(20);
    expect(a.requests.length).toBeLessThan(32);
    expect(errors().length).toBe(a.requests.length - 1);
    const [last, before] = a.requests.map(({ at }) => at).reverse() as [number, number];
    expect(last - before).toBeLessThan(6 * MINUTE);
    c.answer = (mailbox) => ({ mailbox, periods: [] });
    await clock.pass(6 * MINUTE);
    expect(c.requests.length).toBeGreaterThan(b.requests.length - 1);
    const asked = a.requests.length;
    await clock.pass(HOUR);
    expect(a.requests).toHaveLength(asked);
  });

  test('goes on from a server that gives no answer at all, and passes by one that is known to give none', async () => {
    const { clock, a, b, c, sync, known } = setUp(['a', 'b', 'c']);
    a.answer = refuses(wrongServer);
    b.failure = failing('unreachable');
    sync.watch('alice');
    await clock.pass(SECOND);
    expect([known(), b.requests.length]).toEqual([['alice'], 1]);
    sync.watch('bob');
    await clock.pass(SECOND);
    expect([known(), b.requests.length]).toEqual([['alice', 'bob'], 1]);
    expect(c.requests).toHaveLength(2);
  });

  test('leaves a server that is closed while it waits there', async () => {
    const { clock, a, b, sync, known } = setUp();
    a.answer = refuses(wrongServer);
    let release = () => {};
    b.hold = new Promise<void>((resolve) => (release = resolve));
    b.failure = failing('blocked');
    sync.watch('alice');
    await clock.pass(SECOND);
    sync.watch('bob');
    await clock.pass(SECOND);
    a.answer = (mailbox) => ({ mailbox, periods: [] });
    release();
    await clock.pass(2 * MINUTE);
    expect(known().sort()).toEqual(['alice', 'bob']);
  });

  test('has what other failures have: the server that it belongs to, and no other', async () => {
    const kinds = ['mailbox-not-found', 'access-denied', 'unreachable', 'malformed', 'throttled'] as const;
    for (const kind of kinds) {
      const { clock, a, b, sync, errors } = setUp();
      a.answer = refuses(failing(kind));
      sync.watch('alice');
      await clock.pass(HOUR);
      expect([b.requests, errors()[0]]).toEqual([[], kind]);
    }
  });

  test('is asked for there again and again, as ever, where no other may have it', async () => {
    const { clock, a, sync, errors } = setUp(['a']);
    a.answer = refuses(wrongServer);
    sync.watch('alice');
    await clock.pass(HOUR);
    expect(errors().length).toBe(a.requests.length);
    expect(a.requests.length).toBeGreaterThan(8);
    expect(a.requests.length).toBeLessThan(20);
  });
});

describe('a server that denies having any of a batch', () => {
  test('loses them all at once, without a pause and whatever their number', async () => {
    const { clock, a, sync, known } = setUp();
    a.failure = wrongServer;
    for (let i = 0; i < 1000; i++) sync.watch(`user${i}`);
    await clock.pass(2 * SECOND);
    expect(new Set(known()).size).toBe(1000);
    expect(a.requests).toHaveLength(10);
    expect(a.budget.notBefore).toBe(0);
  });

  test('gets those back that were only in bad company, and nobody hears of that', async () => {
    const { clock, a, b, sync, known, errors, moves } = setUp();
    const moved = new Set(['alice', 'bob']);
    const freeBusy = a.freeBusy.bind(a);
    a.freeBusy = (mailboxes) => {
      a.failure = mailboxes.some((mailbox) => moved.has(mailbox)) ? wrongServer : undefined;
      return freeBusy(mailboxes);
    };
    b.answer = (mailbox) =>
      moved.has(mailbox) ? { mailbox, periods: [] } : { mailbox, error: failing('mailbox-not-found') };
    for (const mailbox of ['alice', 'bob', 'carol', 'dave']) sync.watch(mailbox);
    await clock.pass(2 * SECOND);
    expect(known().sort()).toEqual(['alice', 'bob', 'carol', 'dave']);
    expect(errors()).toEqual([]);
    expect(moves.map(([mailbox]) => mailbox)).toEqual(['alice', 'bob']);
  });

  test('is in trouble where no other may have them: it is asked less and less', async () => {
    const { clock, a, sync } = setUp(['a']);
    a.failure = wrongServer;
    for (let i = 0; i < 1000; i++) sync.watch(`user${i}`);
    await clock.pass(HOUR);
    expect(a.requests.length).toBeLessThan(25);
    expect(a.budget.notBefore).toBeGreaterThan(clock.now());
  });
});
