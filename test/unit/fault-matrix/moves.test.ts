// Mailboxes that move from one server to another while somebody watches, and Autodiscover in bad weather: nothing wrong
// is ever seen, and they are found again within two back-off periods.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadEwsLibrary } from '../../../adapters/ews/ews-library.ts';
import { MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import type { AfterMove } from '../../support/exchange-simulator/organisation.ts';
import { PEOPLE, type Person } from './exchange.ts';
import type { House } from './house.ts';
import { PACES, STALE_AFTER } from './house.ts';
import { Moves, type Told } from './moves.ts';
import { checkAutodiscoverOf } from './moves-check.ts';
import { type AutodiscoverFault, autodiscoverFaults } from './moves-faults.ts';
import { Table, time } from './table.ts';

const GRACE = 5 * SECOND;
/** How long one who was refused all around is left alone. */
const BACK_OFF = 30 * SECOND;
/** Until a move is noticed without notifications. */
const NOTICED = PACES.refreshIdle;

const table = new Table();

// Loading takes a second, and several on a busy machine.
beforeAll(() => loadEwsLibrary(), 60_000);
afterAll(() => table.print());

const hq: Told = { name: 'hq', by: 'old address', domains: ['example.com'] };
const cloud: Told = { name: 'cloud', by: 'new address' };
const found: Told = { name: 'found', by: 'Autodiscover' };

describe.each(['sweep', 'streaming'] as const)('in the column %s', (column) => {
  const notifications = column === 'streaming';

  /** They are known anew since they moved, and what changes now is seen. */
  async function isFoundAgain(name: string, moves: Moves, house: House, people: readonly Person[]): Promise<void> {
    const { clock } = moves.old;
    const moved = clock.now();
    const isKnown = () => people.every((person) => house.knownSince(person) > moved);
    const limit = NOTICED + 2 * BACK_OFF + GRACE;
    expect(await house.passUntil(isKnown, limit), 'found again').toBe(true);
    table.add(name, column, `true throughout; found again in ${time(clock.now() - moved)} of ${time(limit)}`);
    moves.old.changeCalendars();
    await house.pass(NOTICED + GRACE);
    for (const person of PEOPLE) {
      expect(house.view(person), person).toBe(house.truth(person));
      expect(house.history(person), person).not.toContain('unavailable');
    }
    if (notifications) {
      expect(await house.passUntil(() => moves.listening === PEOPLE.length, 12 * MINUTE), 'listens again').toBe(true);
    }
    expect(house.wrong).toEqual([]);
  }

  test.each<AfterMove>(['proxy-not-allowed', '302', '451'])(
    'two mailboxes of a server with a fixed address move to another: %s',
    async (afterMove) => {
      const moves = await Moves.open();
      const house = await moves.watch([hq, cloud], { notifications });
      await house.pass(3 * MINUTE);
      moves.move(['bob', 'dave'], afterMove);
      await isFoundAgain(`two move: ${afterMove}`, moves, house, ['bob', 'dave']);
      const said = house.said('was found on another').map(({ fields }) => fields);
      for (const person of ['bob', 'dave']) {
        expect(said).toContainEqual({ mailbox: `${person}@example.com`, from: 'hq', to: 'cloud' });
      }
    },
    30_000,
  );

  test.each<AfterMove>(['proxy-not-allowed', '302'])(
    'all mailboxes of a server with a fixed address move to another, and back: %s',
    async (afterMove) => {
      const moves = await Moves.open();
      const house = await moves.watch([hq, cloud], { notifications });
      moves.move(PEOPLE, afterMove);
      await isFoundAgain(`all move: ${afterMove}`, moves, house, PEOPLE);
      moves.moveBack(PEOPLE, afterMove);
      await isFoundAgain(`all move back: ${afterMove}`, moves, house, PEOPLE);
    },
    30_000,
  );

  test('a mailbox moves from a server with a fixed address to one that Autodiscover names', async () => {
    const moves = await Moves.open();
    const house = await moves.watch([hq, found], { notifications });
    moves.move(['dave'], 'proxy-not-allowed');
    await isFoundAgain('fixed, then Autodiscover', moves, house, ['dave']);
    expect(house.said('was found on another')).toMatchObject([
      { fields: { from: 'hq', to: `found (127.0.0.1:${moves.fresh.port})` } },
    ]);
  }, 30_000);

  test.each<AfterMove>(['proxy-not-allowed', 'not-found', '302', '451'])(
    'two mailboxes move between servers that Autodiscover names: %s',
    async (afterMove) => {
      const moves = await Moves.open();
      const house = await moves.watch([found], { notifications });
      await house.pass(3 * MINUTE);
      moves.move(['alice', 'dave'], afterMove);
      await isFoundAgain(`by Autodiscover: ${afterMove}`, moves, house, ['alice', 'dave']);
    },
    30_000,
  );

  test('a mailbox moves to a server that is down, and is found when that is up', async () => {
    const moves = await Moves.open();
    const house = await moves.watch([hq, cloud], { notifications });
    moves.freshFront.refuse();
    moves.move(['dave'], '302');
    await house.pass(STALE_AFTER + 4 * MINUTE);
    expect(house.view('dave')).toBe('unavailable');
    moves.freshFront.accept();
    const mended = moves.old.clock.now();
    const limit = 2 * 5 * 1.25 * MINUTE + GRACE;
    expect(await house.passUntil(() => house.knownSince('dave') > mended, limit)).toBe(true);
    table.add(
      'the new one is down',
      column,
      `last known, then nothing; back in ${time(moves.old.clock.now() - mended)}`,
    );
    await house.pass(MINUTE);
    expect(house.wrong).toEqual([]);
    for (const person of ['alice', 'bob', 'carol'] as const) {
      expect(house.history(person), person).not.toContain('unavailable');
    }
  }, 30_000);

  test('a mailbox that moves to where no rule lets it be is told to nobody, and is unavailable in the end', async () => {
    const moves = await Moves.open();
    const house = await moves.watch([hq, { ...cloud, domains: ['example.org'] }], { notifications });
    moves.move(['dave'], 'proxy-not-allowed');
    await house.pass(STALE_AFTER + 4 * MINUTE);
    expect(house.view('dave')).toBe('unavailable');
    expect(house.view('bob')).toBe(house.truth('bob'));
    expect([...moves.askedAnew]).toEqual([]);
    expect(house.wrong).toEqual([]);
  }, 30_000);

  test.each(autodiscoverFaults)(
    'a mailbox moves while Autodiscover is in trouble ($name): it is found when that is over',
    async (fault) => playAutodiscover(fault),
    30_000,
  );

  async function playAutodiscover(fault: AutodiscoverFault): Promise<void> {
    const moves = await Moves.open();
    const house = await moves.watch([found], { notifications });
    await house.pass(3 * MINUTE);
    fault.begin(moves);
    moves.move(['dave'], 'proxy-not-allowed');
    await house.pass(STALE_AFTER / 2);
    moves.old.changeCalendars();
    await house.pass(STALE_AFTER / 2 + 6 * MINUTE);
    expect(house.view('dave')).toBe('unavailable');
    for (const person of ['alice', 'bob', 'carol'] as const) {
      expect(house.history(person), person).not.toContain('unavailable');
    }
    fault.end(moves);
    const mended = moves.old.clock.now();
    const limit = 2 * fault.backOff + GRACE;
    const isBack = await house.passUntil(() => house.knownSince('dave') > mended, limit);
    table.add(
      fault.name,
      column,
      `last known, then nothing; back in ${time(moves.old.clock.now() - mended)} of ${time(limit)}`,
    );
    expect(house.wrong).toEqual([]);
    expect(isBack).toBe(true);
    expect(house.view('dave')).toBe(house.truth('dave'));
    expect(moves.old.simulator.account.isLocked).toBe(false);
  }
});

describe('a check', () => {
  test.each(autodiscoverFaults)(
    'in the face of Autodiscover’s trouble names it: $name',
    async (fault) => {
      const moves = await Moves.open();
      fault.begin(moves);
      const { findings, url } = await checkAutodiscoverOf(moves);
      fault.end(moves);
      const error = findings.find(({ severity }) => severity === 'error');
      table.add(fault.name, 'check', `${error?.step} error: ${error?.seen}`);
      expect([error?.step, url]).toEqual([fault.step, undefined]);
      expect(error?.seen).toMatch(fault.seen);
      expect(error?.advice).toBeDefined();
    },
    30_000,
  );
});
