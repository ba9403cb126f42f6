// Whether Bob received exactly what he should, and if not, what the difference is.

import type { Instant } from '../../component/runtime/clock.ts';
import type { Step } from './expectation.ts';
import type { Heard } from './heard.ts';
import { clockTime } from './screen.ts';
import { SPEED } from './story.ts';

/** A step and what was received for it or in its place; one of the two is missing where nothing was. */
export type Pair = { readonly step: Step | undefined; readonly heard: Heard | undefined };

/** Three real seconds, for the network and a busy machine: they are not played fast. */
const TOLERANCE = 3_000 * SPEED;

/** Pairs what was expected with what was received, in order, so that as many as possible fit by their words. */
export function pair(steps: readonly Step[], heard: readonly Heard[]): readonly Pair[] {
  // fits[i][j]: how many can be paired of what follows step i and reception j (the longest common subsequence).
  const fits = steps.map(() => new Array<number>(heard.length + 1).fill(0));
  const rest = (i: number, j: number): number => fits[i]?.[j] ?? 0;
  for (let i = steps.length - 1; i >= 0; i--) {
    for (let j = heard.length - 1; j >= 0; j--) {
      const same = steps[i]?.what === heard[j]?.what;
      (fits[i] as number[])[j] = same ? rest(i + 1, j + 1) + 1 : Math.max(rest(i + 1, j), rest(i, j + 1));
    }
  }
  const pairs: Pair[] = [];
  for (let i = 0, j = 0; i < steps.length || j < heard.length; ) {
    const [step, first] = [steps[i], heard[j]];
    if (step !== undefined && first !== undefined && step.what === first.what) {
      pairs.push({ step, heard: first });
      i++;
      j++;
    } else if (first === undefined || (step !== undefined && rest(i + 1, j) >= rest(i, j + 1))) {
      pairs.push({ step, heard: undefined });
      i++;
    } else {
      pairs.push({ step: undefined, heard: first });
      j++;
    }
  }
  return pairs.reduce<Pair[]>(joinNeighbours, []);
}

/** One that is missing and one too many in its place are one row: something else came. */
function joinNeighbours(rows: Pair[], next: Pair): Pair[] {
  const last = rows.at(-1);
  const isInPlace = last !== undefined && last.heard === undefined && next.step === undefined;
  return isInPlace ? [...rows.slice(0, -1), { step: last.step, heard: next.heard }] : [...rows, next];
}

/** What is wrong with a pair; undefined: nothing. */
export function faultOf({ step, heard }: Pair): string | undefined {
  if (heard === undefined) return `did not come; expected because ${step?.because}`;
  if (step === undefined) return 'should not have come';
  if (heard.what !== step.what) return `something else came; expected because ${step.because}`;
  if (heard.at < step.from) return `came ${realTime(step.from - heard.at)} (real time) too early: ${step.because}`;
  if (heard.at > step.until + TOLERANCE) return `came ${realTime(heard.at - step.until)} (real time) too late`;
  return undefined;
}

/** The longest that a change in a calendar took to Bob, in real milliseconds. */
export function slowestChange(pairs: readonly Pair[]): number {
  const delays = pairs.map(({ step, heard }) => (step?.isChange && heard ? heard.at - step.from : 0));
  return Math.round(Math.max(0, ...delays) / SPEED);
}

/** A table of what was expected beside what came, with the faults marked and explained. */
export function differences(pairs: readonly Pair[]): readonly string[] {
  const heading = row(' ', 'expected', 'received');
  const lines = pairs.flatMap((both) => {
    const { step, heard } = both;
    const fault = faultOf(both);
    const left = step === undefined ? '-' : `${span(step)}${step.what}`;
    const right = heard === undefined ? '-' : `${clockTime(heard.at)}  ${heard.what}`;
    return fault === undefined ? [row(' ', left, right)] : [row('!', left, right), `      ${fault}`];
  });
  return [heading, ...lines];
}

function row(mark: string, left: string, right: string): string {
  return `  ${mark} ${left.padEnd(46)}${right}`;
}

function span({ from, until }: Step): string {
  const end = until === from ? '' : `-${clockTime(until)}`;
  return `${clockTime(from)}${end}`.padEnd(13);
}

function realTime(played: Instant): string {
  return `${(played / SPEED / 1_000).toFixed(2)} s`;
}
