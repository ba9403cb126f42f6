import { readFileSync } from 'node:fs';

const MIB = 2 ** 20;
const HOUR = 3_600_000;

type Sample = { readonly at: number; readonly bytes: number };

/** The resident memory of a process, in bytes; undefined when it is gone. */
function residentMemory(pid: number): number | undefined {
  try {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}

/** The memory of a process that is started again now and then: each run counts from when it has warmed up. */
export class MemoryRecord {
  readonly #warmUp: number;
  readonly #runs: { readonly pid: number; readonly began: number; readonly samples: Sample[] }[] = [];

  /** @param warmUp milliseconds of each run that do not count */
  constructor(warmUp: number) {
    this.#warmUp = warmUp;
  }

  /** Looks at the process now. */
  look(pid: number): void {
    const bytes = residentMemory(pid);
    if (bytes !== undefined) this.add(pid, { at: Date.now(), bytes });
  }

  add(pid: number, { at, bytes }: Sample): void {
    if (this.#runs.at(-1)?.pid !== pid) this.#runs.push({ pid, began: at, samples: [] });
    const run = this.#runs.at(-1);
    if (run !== undefined && at - run.began >= this.#warmUp) run.samples.push({ at, bytes });
  }

  /**
   * The slope that fits all runs best (least squares), each with a level of its own; how long they were looked at
   * together, and the most memory of all.
   */
  summary(): { readonly mibPerHour: number; readonly hours: number; readonly peakMib: number } {
    let [covariance, variance, time, peak] = [0, 0, 0, 0];
    for (const { samples } of this.#runs) {
      const middle = mean(samples.map(({ at }) => at));
      const level = mean(samples.map(({ bytes }) => bytes));
      for (const { at, bytes } of samples) {
        covariance += (at - middle) * (bytes - level);
        variance += (at - middle) ** 2;
        peak = Math.max(peak, bytes);
      }
      time += (samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0);
    }
    const mibPerHour = variance === 0 ? 0 : ((covariance / variance) * HOUR) / MIB;
    return { mibPerHour: Math.round(mibPerHour * 10) / 10, hours: time / HOUR, peakMib: Math.round(peak / MIB) };
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
