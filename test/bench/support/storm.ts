// What the storms of a benchmark have in common: contacts whose meetings begin and end in the same seconds.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { buildTimeline } from '../../../component/calendar/timeline.ts';
import type { MailboxRecord } from '../../../component/calendar/timeline-store.ts';
import { HOUR } from '../../../component/runtime/clock.ts';
import type { TempFolder } from '../../support/temp-folder.ts';

export const COMPONENT = { domain: 'calendar.example.test', secret: 'component-secret' };
/** Nothing listens there: calendars are those of an earlier run, and Exchange costs nothing. */
export const NO_EXCHANGE = 'http://127.0.0.1:9/EWS/Exchange.asmx';
export const IN_A_MEETING = '<show>dnd</show>';

/** `contact00000`, … */
export function names(what: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${what}${String(index).padStart(5, '0')}`);
}

export type Cycle = { readonly origin: number; readonly length: number; readonly meeting: number };

/** The meetings of `count` cycles. */
export function meetings({ origin, length, meeting }: Cycle, count: number) {
  return Array.from({ length: count }, (_, index) => ({
    start: origin + index * length,
    end: origin + index * length + meeting,
    status: 'Busy' as const,
  }));
}

/** What an earlier run knew of mailboxes that all have these meetings. */
export function knownMailboxes(mailboxes: readonly string[], periods: ReturnType<typeof meetings>): MailboxRecord[] {
  const now = Date.now();
  const timeline = buildTimeline(periods, { start: now - HOUR, end: now + 48 * HOUR }, now);
  return mailboxes.map((mailbox) => ({ mailbox, timeline, goneSince: undefined }));
}

/** The next beginning of a cycle (`after` milliseconds later) that leaves a second to get ready. */
export function nextTurn({ origin, length }: Pick<Cycle, 'origin' | 'length'>, after = 0): number {
  return origin + after + Math.max(0, Math.ceil((Date.now() + 1_000 - origin - after) / length)) * length;
}

/** How late an event loop was, in milliseconds. */
export type LoopDelay = { readonly p50: number; readonly p99: number; readonly max: number };

/** Watches the event loop of a gateway: `env` is for its process. */
export function loopWatch(folder: TempFolder) {
  const file = folder.file('loop-delay.json');
  const preload = fileURLToPath(new URL('./loop-delay.mjs', import.meta.url));
  return {
    env: { NODE_OPTIONS: `--import=${preload}`, LOOP_DELAY_FILE: file },
    /** What was measured since it was last asked. */
    async take(pid: number): Promise<LoopDelay> {
      process.kill(pid, 'SIGUSR2');
      await sleep(100);
      return JSON.parse(readFileSync(file, 'utf8')) as LoopDelay;
    },
  };
}

/** The memory that a process has (VmRSS), or the most that it ever had (VmHWM), in MiB: proc(5). */
export function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) / 1024;
}
