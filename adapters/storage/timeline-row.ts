import { type Claims, readClaims, writeClaims } from '../../component/calendar/busy-status.ts';
import { claimsOfStep, type Timeline } from '../../component/calendar/timeline.ts';
import type { MailboxRecord } from '../../component/calendar/timeline-store.ts';
import type { WorkingHours } from '../../component/calendar/working-hours.ts';
import type { Mailbox } from '../../component/directory/directory.ts';
import type { Instant } from '../../component/runtime/clock.ts';
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
  /** By their names: there are few. */
  readonly #claims = new Map<string, Claims | undefined>();
  readonly #hours = new Map<string, WorkingHours | undefined>();
  /** The same function for all records. */
  readonly #unpackTimeline = (row: MailboxRow) => this.#timelineOf(row);

  /**
   * The record of a row. Its timeline is unpacked when somebody asks for it: at a start that is later than the first
   * answers. One that makes no sense is undefined: Exchange is asked again, nothing else is lost.
   */
  unpack(row: SqlRow): MailboxRecord {
    return new PackedMailbox(row as unknown as MailboxRow, this.#unpackTimeline);
  }

  #timelineOf([, fetchedAt, end, json, , hours]: MailboxRow): Timeline | undefined {
    if (fetchedAt === null || end === null || json === null) return undefined;
    const steps = parseJson(json);
    if (!Array.isArray(steps) || steps.length === 0 || steps.length % 2 !== 0) return undefined;
    const changes: number[] = [];
    let claims = '';
    for (let i = 0; i < steps.length; i += 2) {
      const [at, names] = [steps[i] as unknown, steps[i + 1] as unknown];
      const claim = typeof names === 'string' ? this.#claimsOf(names) : undefined;
      if (typeof at !== 'number' || claim === undefined) return undefined;
      changes.push(at);
      claims += String.fromCharCode(claim);
    }
    return { fetchedAt, end, changes: changes.slice(), claims, hours: this.#hoursOf(hours) };
  }

  #claimsOf(names: string): Claims | undefined {
    if (!this.#claims.has(names)) this.#claims.set(names, readClaims(names));
    return this.#claims.get(names);
  }

  #hoursOf(json: string | null): WorkingHours | undefined {
    if (json === null) return undefined;
    if (!this.#hours.has(json)) this.#hours.set(json, parseJson(json) as WorkingHours | undefined);
    return this.#hours.get(json);
  }
}

class PackedMailbox implements MailboxRecord {
  readonly mailbox: Mailbox;
  readonly goneSince: Instant | undefined;
  #row: MailboxRow | undefined;
  #unpack: ((row: MailboxRow) => Timeline | undefined) | undefined;
  #timeline: Timeline | undefined;

  constructor(row: MailboxRow, unpack: (row: MailboxRow) => Timeline | undefined) {
    this.mailbox = row[0];
    this.goneSince = row[4] ?? undefined;
    this.#row = row;
    this.#unpack = unpack;
  }

  get timeline(): Timeline | undefined {
    if (this.#row !== undefined) {
      this.#timeline = this.#unpack?.(this.#row);
      this.#row = undefined;
      this.#unpack = undefined;
    }
    return this.#timeline;
  }
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
