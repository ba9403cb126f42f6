// Every fault × (sweep, streaming, check): the whole gateway before a simulated Exchange in bad weather. While it lasts, what
// was known last is shown, for as long as it counts, and then nothing: never a wrong meeting, never a wrong
// "available". When it is over, the truth is back within two back-off periods.

import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { worstOf } from '../../../adapters/ews/check/check-finding.ts';
import { loadEwsLibrary } from '../../../adapters/ews/ews-library.ts';
import { type Instant, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { answerFaults } from './answer-faults.ts';
import { runCheck } from './check-run.ts';
import { addressOf, FaultyExchange, PEOPLE } from './exchange.ts';
import type { Fault } from './fault.ts';
import { House, PACES, STALE_AFTER } from './house.ts';
import { limitFaults } from './limit-faults.ts';
import { mailboxFaults } from './mailbox-faults.ts';
import { networkFaults } from './network-faults.ts';
import { ntlmFaults } from './ntlm-faults.ts';
import { oauthFaults } from './oauth-faults.ts';
import { replyFaults } from './reply-faults.ts';
import { serverFaults } from './server-faults.ts';
import { streamingFaults } from './streaming-faults.ts';
import { Table, time } from './table.ts';

const LASTS = STALE_AFTER + 4 * MINUTE;
/** With the answer under way, and the waits that gather questions. */
const GRACE = 5 * SECOND;
const MOST_MEMORY = 64 * 1024 * 1024;

const faults = [
  ...serverFaults,
  ...limitFaults,
  ...networkFaults,
  ...answerFaults,
  ...mailboxFaults,
  ...ntlmFaults,
  ...oauthFaults,
  ...replyFaults,
];
const table = new Table();

// Loading takes a second, and several on a busy machine.
beforeAll(() => loadEwsLibrary(), 60_000);
afterEach(() => vi.restoreAllMocks());
afterAll(() => table.print());

describe.each(['sweep', 'streaming'] as const)('in the column %s', (column) => {
  test.each(faults)('$name: nothing wrong is seen, and all is well soon after', (fault) => play(fault, column), 30_000);
});

describe('a check', () => {
  test.each([...faults, ...streamingFaults])('in the face of this names it: $name', (fault) => check(fault), 30_000);
});

describe('of the notifications', () => {
  test.each(streamingFaults)(
    '$name: nothing wrong is seen, and they are heard again soon after',
    (fault) => play(fault, 'streaming'),
    30_000,
  );
});

async function play(fault: Fault, column: 'sweep' | 'streaming'): Promise<void> {
  const { cutsOff = [], backOff = 0, streamBackOff = 0, lingers = 0 } = fault;
  const hasStreams = column === 'streaming';
  // A token that is refused is no log-on: another one is fetched and tried.
  const proofs = fault.exchange?.scheme === 'oauth' ? 2 : 1;
  const exchange = await FaultyExchange.open(fault.exchange);
  const { clock, front, simulator } = exchange;
  const house = await House.open(exchange, {
    notifications: hasStreams,
    automaticReplies: fault.asksReplies === true,
  });
  await house.pass(3 * MINUTE);
  front.statuses.length = exchange.askedAt.length = 0;
  exchange.noteMemory();
  const memory = exchange.memoryPeak;

  // The fault begins; in the middle of it calendars change.
  exchange.hanging = fault.hangs;
  exchange.blurred = fault.blurs ?? 'nothing';
  const beginning = clock.now();
  await fault.begin(exchange);
  if (!fault.sparesStreams) front.cutStreams();
  if (fault.feltAfter !== undefined) await house.pass(fault.feltAfter);
  const began = clock.now();
  await house.pass(LASTS / 2);
  exchange.changeCalendars();
  await house.pass(LASTS / 2);
  const ended = clock.now();
  for (const person of PEOPLE) {
    if (cutsOff.includes(person)) expect(house.knownSince(person), person).toBeLessThanOrEqual(began);
    else expect(house.knownSince(person), person).toBeGreaterThan(ended - 1.5 * PACES.refreshIdle - MINUTE);
  }
  if (fault.isAbsorbed === true) expect(house.budgetPause).toBe(0);
  // Streams have requests of their own, which one answer can't stop.
  if (fault.wantsRest !== undefined && !hasStreams) {
    const { askedAt } = fault.exchange?.scheme === 'oauth' ? exchange.authority : exchange;
    const during = askedAt.filter((at) => at >= beginning);
    expect(shortestGap(during)).toBeGreaterThanOrEqual(fault.wantsRest);
  }
  const growth = exchange.memoryPeak - memory;
  const pause = Math.max(
    house.budgetPause,
    backOff,
    hasStreams ? house.streamPause : 0,
    hasStreams ? streamBackOff : 0,
  );

  // It ends.
  exchange.mend();
  await fault.end?.(exchange);
  expect(longestRun(front.statuses, 401)).toBeLessThanOrEqual(3 * proofs);
  if (fault.needsOperator === true) {
    const before = exchange.allAskedAt;
    await house.pass(10 * MINUTE);
    expect(exchange.allAskedAt).toEqual(before);
    house.source.budget.reset();
    front.statuses.length = 0;
  }
  const mended = clock.now();
  const isWell = (): boolean =>
    PEOPLE.every((person) => house.view(person) === house.truth(person)) &&
    (!hasStreams || house.listening === (fault.listens ?? PEOPLE.length));
  const limit = (fault.needsOperator === true ? MINUTE : 2 * pause) + lingers + GRACE;
  const isBack = await house.passUntil(isWell, limit);
  const seen = cutsOff.length > 0 ? 'last known, then nothing' : 'true throughout';
  const back = isBack ? `back in ${time(clock.now() - mended)}` : 'NOT BACK';
  table.add(fault.name, column, `${seen}; ${back} of ${time(limit)}; ${exchange.askedAt.length} requests`);

  expect(house.wrong).toEqual([]);
  expect(isBack, `back within ${limit} ms`).toBe(true);
  for (const person of cutsOff) expect(house.history(person)).toContain('unavailable');
  expect(longestRun(front.statuses, 401)).toBeLessThanOrEqual(3 * proofs);
  expect(simulator.account.isLocked).toBe(false);
  if (fault.isLarge) expect(growth).toBeLessThan(MOST_MEMORY);

  // And stays so: what happens now is heard of as soon as ever.
  if (!hasStreams || fault.listens !== undefined) await house.pass(MINUTE);
  else {
    await house.pass(30 * SECOND);
    const now = clock.now();
    simulator.calendars.book(addressOf('bob'), { start: now, end: now + MINUTE, status: 'OOF' });
    expect(await house.passUntil(() => house.view('bob') === 'Away', 3 * SECOND)).toBe(true);
  }
  expect(house.wrong).toEqual([]);
}

async function check(fault: Fault): Promise<void> {
  const exchange = await FaultyExchange.open(fault.exchange);
  const { front, simulator } = exchange;
  exchange.noteMemory();
  const memory = exchange.memoryPeak;
  exchange.hanging = fault.hangs;
  await fault.begin(exchange);
  const findings = await runCheck(exchange, { automaticReplies: fault.asksReplies === true });
  exchange.mend();
  await fault.end?.(exchange);

  const severity = worstOf(findings.map((finding) => finding.severity));
  const worst = findings.find((finding) => finding.severity === severity);
  table.add(fault.name, 'check', severity === 'ok' ? 'ok' : `${worst?.step} ${severity}: ${worst?.seen}`);
  expect(severity === 'ok' ? 'ok' : `${worst?.step} ${severity}`).toBe(fault.check ?? 'authenticate error');
  expect(severity === 'ok' || worst?.advice !== undefined).toBe(true);
  expect(longestRun(front.statuses, 401)).toBeLessThanOrEqual(fault.exchange?.scheme === 'oauth' ? 2 : 1);
  expect(simulator.notifications.subscriptions).toHaveLength(fault.keepsSubscription === true ? 1 : 0);
  expect(findings.some(({ seen }) => seen.includes('could not be given back'))).toBe(fault.keepsSubscription === true);
  if (fault.isLarge) expect(exchange.memoryPeak - memory).toBeLessThan(MOST_MEMORY);
}

/** Infinity when there was less than two of them. */
function shortestGap(instants: readonly Instant[]): number {
  return Math.min(...instants.slice(1).map((at, i) => at - (instants[i] as Instant)), Number.POSITIVE_INFINITY);
}

function longestRun(statuses: readonly number[], wanted: number): number {
  let longest = 0;
  let run = 0;
  for (const status of statuses) {
    if (status === wanted) run++;
    else if (status === 200) run = 0;
    longest = Math.max(longest, run);
  }
  return longest;
}
