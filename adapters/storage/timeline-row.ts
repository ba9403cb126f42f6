import { isBusyStatus, precedence } from '../../component/calendar/busy-status.ts';
import { statusOfStep, type Timeline } from '../../component/calendar/timeline.ts';
import type { MailboxRecord } from '../../component/calendar/timeline-store.ts';
import type { SqlRow } from './sqlite-engine.ts';

/** A row of `mailboxes`: mailbox, fetched_at, ends_at, steps, gone_since. */
export type MailboxRow = [
  mailbox: string,
  fetchedAt: number | null,
  endsAt: number | null,
  steps: string | null,
  goneSince: number | null,
];

export function packMailbox({ mailbox, timeline, goneSince }: MailboxRecord): MailboxRow {
  if (timeline === undefined) return [mailbox, null, null, null, goneSince ?? null];
  const steps = timeline.changes.flatMap((at, i) => [at, statusOfStep(timeline, i)]);
  return [mailbox, timeline.fetchedAt, timeline.end, JSON.stringify(steps), goneSince ?? null];
}

/** The record of a row; a timeline that makes no sense is undefined: Exchange is asked again, nothing else is lost. */
export function unpackMailbox(row: SqlRow): MailboxRecord {
  const [mailbox, fetchedAt, end, steps, goneSince] = row as unknown as MailboxRow;
  const timeline =
    fetchedAt === null || end === null || steps === null ? undefined : unpackTimeline(fetchedAt, end, steps);
  return { mailbox, timeline, goneSince: goneSince ?? undefined };
}

function unpackTimeline(fetchedAt: number, end: number, json: string): Timeline | undefined {
  const steps = parseArray(json);
  if (steps === undefined || steps.length === 0 || steps.length % 2 !== 0) return undefined;
  const changes: number[] = [];
  const ranks: number[] = [];
  for (let i = 0; i < steps.length; i += 2) {
    const [at, status] = [steps[i], steps[i + 1]];
    if (typeof at !== 'number' || typeof status !== 'string' || !isBusyStatus(status)) return undefined;
    changes.push(at);
    ranks.push(precedence(status));
  }
  return { fetchedAt, end, changes: changes.slice(), statuses: ranks.join('') };
}

function parseArray(json: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
