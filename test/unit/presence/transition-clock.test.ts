import { expect, test } from 'vitest';
import { TransitionClock } from '../../../component/presence/transition-clock.ts';
import { HOUR, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const START = Date.UTC(2026, 0, 5, 9);

function setUp() {
  const clock = new FakeClock(START);
  const woken: [string, number][] = [];
  const jumps: number[] = [];
  const transitions = new TransitionClock({
    clock,
    onDue: (mailbox, now) => woken.push([mailbox, now - START]),
    onJump: (now) => jumps.push(now - START),
  });
  transitions.start();
  return { clock, transitions, woken, jumps };
}

test('it wakes for each mailbox at its instant, to the millisecond, with one timer for all', () => {
  const { clock, transitions, woken } = setUp();
  transitions.set('alice', START + 90_001);
  transitions.set('bob', START + 30_500);
  transitions.set('carol', START + 30_500);
  expect(clock.pending).toBe(1);
  clock.advance(HOUR);
  expect(woken).toEqual([
    ['bob', 30_500],
    ['carol', 30_500],
    ['alice', 90_001],
  ]);
});

test('a new instant replaces the old one, and none at all ends it', () => {
  const { clock, transitions, woken } = setUp();
  transitions.set('alice', START + MINUTE);
  transitions.set('alice', START + 10 * SECOND);
  transitions.set('bob', START + 5 * SECOND);
  transitions.set('bob', undefined);
  clock.advance(HOUR);
  expect(woken).toEqual([['alice', 10_000]]);
});

test('an instant nearer than the one it sleeps for wakes it in time', () => {
  const { clock, transitions, woken } = setUp();
  clock.advance(300);
  transitions.set('alice', START + 301);
  clock.advance(1);
  expect(woken).toEqual([['alice', 301]]);
});

test('when the wall clock is set, all is looked at again within a second', () => {
  const { clock, transitions, woken, jumps } = setUp();
  transitions.set('alice', START + HOUR);
  clock.advance(10 * SECOND);
  clock.jump(2 * HOUR);
  clock.advance(SECOND);
  expect(jumps).toHaveLength(1);
  expect(woken.map(([mailbox]) => mailbox)).toEqual(['alice']);
  clock.jump(-3 * HOUR);
  clock.advance(SECOND);
  expect(jumps).toHaveLength(2);
});

test('after a suspend all is looked at again within a second', () => {
  const { clock, transitions, woken, jumps } = setUp();
  transitions.set('alice', START + HOUR);
  clock.suspend(8 * HOUR);
  clock.advance(SECOND);
  expect(jumps).toHaveLength(1);
  expect(woken).toHaveLength(1);
});

test('stopped, it leaves no timer behind', () => {
  const { clock, transitions } = setUp();
  transitions.set('alice', START + SECOND);
  transitions.stop();
  transitions.set('bob', START + SECOND);
  expect(clock.pending).toBe(0);
});

test('a new instant that comes between the clock’s being set and the next wake does not hide the jump', () => {
  const { clock, transitions, woken, jumps } = setUp();
  clock.advance(10_500);
  clock.jump(-2 * HOUR);
  transitions.set('alice', clock.now() + 5 * SECOND);
  clock.advance(SECOND);
  expect(jumps).toHaveLength(1);
  clock.advance(5 * SECOND);
  expect(woken.map(([mailbox]) => mailbox)).toEqual(['alice']);
});
