import type { Exchange, Stage } from './exchange.ts';
import { planDay } from './plan.ts';
import { playDay } from './play-day.ts';
import { judge, type Verdict } from './verdict.ts';

export type DayReport = Verdict & {
  seed: number;
  mailboxes: number;
  requests: number;
  /** Answers about one mailbox. */
  answers: number;
  playedInSeconds: number;
  judgedInSeconds: number;
};

/** A day of so many mailboxes: planned, played and judged. DAY_SEED repeats one; DAY_MAILBOXES makes it smaller. */
export async function liveDay(
  mailboxes: number,
  open: (stage: Stage) => Exchange | Promise<Exchange>,
  { moves }: { readonly moves: boolean },
): Promise<DayReport> {
  const seed = Number(process.env.DAY_SEED ?? Date.now() % 1_000_000);
  const began = performance.now();
  const plan = planDay({ seed, mailboxes: Number(process.env.DAY_MAILBOXES ?? mailboxes), moves });
  const { requests, answers, mailboxes: records } = await playDay(plan, open);
  const played = performance.now();
  const verdict = judge(plan, records);
  return {
    ...{ seed, mailboxes: plan.mailboxes.length, requests, answers },
    ...verdict,
    failures: verdict.failures.map((failure) => `${failure}\n(seed ${seed})`),
    playedInSeconds: Math.round((played - began) / 100) / 10,
    judgedInSeconds: Math.round((performance.now() - played) / 100) / 10,
  };
}
