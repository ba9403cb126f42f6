// Whether Bob received exactly what he should, and if not, what the difference is.

import type { Instant } from '../../component/runtime/clock.ts';
import type { Step } from './expectation.ts';
import type { Heard } from './heard.ts';
import { clockTime } from './screen.ts';
import { SPEED } from './story.ts';

/** A step and what was received for it; one of the two is missing where they don't fit. */
export type Pair = { readonly step: Step | undefined; readonly heard: Heard | undefined };

/** Pairs what was expected with what was received, in order, so that as many as possible fit by their words. */
export function pair(steps: readonly Step[], heard: readonly Heard[]): readonly Pair[] {
  const [step, ...laterSteps] = steps;
  const [first, ...laterHeard] = heard;
  if (step === undefined) return heard.map((one) => ({ step: undefined, heard: one }));
  if (first === undefined) return steps.map((one) => ({ step: one, heard: undefined }));
  if (step.what === first.what) return [{ step, heard: first }, ...pair(laterSteps, laterHeard)];
  const missing = [{ step, heard: undefined }, ...pair(laterSteps, heard)];
  const surplus = [{ step: undefined, heard: first }, ...pair(steps, laterHeard)];
  return missing.length <= surplus.length ? missing : surplus;
}

/** What is wrong with a pair; undefined: nothing. */
export function faultOf({ step, heard }: Pair): string | undefined {
  if (step === undefined) return 'not expected';
  if (heard === undefined) return 'did not come';
  if (heard.at < step.from) return `too early, by ${realSeconds(step.from - heard.at)}`;
  if (heard.at > step.until) return `too late, by ${realSeconds(heard.at - step.until)}`;
  return undefined;
}

/** The most real milliseconds between a moment of the calendar and what Bob received for it. */
export function slowest(pairs: readonly Pair[], exact: (step: Step) => boolean): number {
  const delays = pairs.map(({ step, heard }) => (step && heard && exact(step) ? heard.at - step.from : 0));
  return Math.round(Math.max(0, ...delays) / SPEED);
}

/** A table of what was expected beside what came, with the faults marked. */
export function differences(pairs: readonly Pair[]): readonly string[] {
  return pairs.map((both) => {
    const { step, heard } = both;
    const fault = faultOf(both);
    const left = step === undefined ? '' : `${times(step)}  ${step.what}`;
    const right = heard === undefined ? '' : `${clockTime(heard.at)}  ${heard.what}`;
    const why = fault === undefined ? '' : `<- ${fault}${step === undefined ? '' : ` (${step.because})`}`;
    const row = `${fault === undefined ? ' ' : '!'} ${left.padEnd(43)}  ${right}`;
    return fault === undefined ? row : `${row}\n    ${why}`;
  });
}

function times({ from, until }: Step): string {
  return `${clockTime(from)}-${clockTime(until)}`;
}

function realSeconds(played: Instant): string {
  return `${(played / SPEED / 1_000).toFixed(2)} s of real time`;
}
