import { type Claims, readClaims, writeClaims } from '../../component/calendar/busy-status.ts';
import { claimsOfStep, type Timeline } from '../../component/calendar/timeline.ts';
import type { MailboxRecord } from '../../component/calendar/timeline-store.ts';
import type { WorkingHours } from '../../component/calendar/working-hours.ts';
import type { SqlRow } from './sqlite-engine.ts';

/** A row of `mailboxes`: mailbox, fetched_at, ends_at, steps, gone_since, hours. */
export type MailboxRow = [
  mailbox: string,
  fetchedAt: number | null,
  endsAt: number | null,
  steps: string | null,
  goneSince: number | null,
  hours: string | null,
];

export function packMailbox({ mailbox, timeline, goneSince }: MailboxRecord): MailboxRow {
  if (timeline === undefined) return [mailbox, null, null, null, goneSince ?? null, null];
  const steps = timeline.changes.flatMap((at, i) => [at, writeClaims(claimsOfStep(timeline, i))]);
  const hours = timeline.hours === undefined ? null : JSON.stringify(timeline.hours);
  return [mailbox, timeline.fetchedAt, timeline.end, JSON.stringify(steps), goneSince ?? null, hours];
}

/** Makes records of rows; equal working hours become the same object. */
export class MailboxUnpacker {
  readonly #hours = new Map<string, WorkingHours | undefined>();

  /** The record of a row; a timeline that makes no sense is undefined: Exchange is asked again, nothing else is lost. */
  unpack(row: SqlRow): MailboxRecord {
    const [mailbox, fetchedAt, end, steps, goneSince, hours] = row as unknown as MailboxRow;
    const hasTimeline = fetchedAt !== null && end !== null && steps !== null;
    const timeline = hasTimeline ? unpackTimeline(fetchedAt, end, steps, this.#hoursOf(hours)) : undefined;
    return { mailbox, timeline, goneSince: goneSince ?? undefined };
  }

  #hoursOf(json: string | null): WorkingHours | undefined {
    if (json === null) return undefined;
    if (!this.#hours.has(json)) this.#hours.set(json, parseJson(json) as WorkingHours | undefined);
    return this.#hours.get(json);
  }
}

function unpackTimeline(
  fetchedAt: number,
  end: number,
  json: string,
  hours: WorkingHours | undefined,
): Timeline | undefined {
  const steps = parseJson(json);
  if (!Array.isArray(steps) || steps.length === 0 || steps.length % 2 !== 0) return undefined;
  const changes: number[] = [];
  const claims: Claims[] = [];
  for (let i = 0; i < steps.length; i += 2) {
    const [at, names] = [steps[i] as unknown, steps[i + 1] as unknown];
    const claim = typeof names === 'string' ? readClaims(names) : undefined;
    if (typeof at !== 'number' || claim === undefined) return undefined;
    changes.push(at);
    claims.push(claim);
  }
  return { fetchedAt, end, changes: changes.slice(), claims: String.fromCharCode(...claims), hours };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
