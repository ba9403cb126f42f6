// The Exchange simulator in a process of its own, whose calendars change on command.

import { setTimeout as sleep } from 'node:timers/promises';
import { HOUR } from '../../../component/runtime/clock.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import { answerParent } from './helper-process.ts';
import { preciseNow } from './raw-sink.ts';

/** A mailbox in a meeting gets out of it, another one into one, so many milliseconds after the beginning. */
export type PlannedChange = { readonly mailbox: string; readonly after: number };

/** What has changed, when (epoch milliseconds with fractions), and into what. */
export type MadeChange = { readonly mailbox: string; readonly at: number; readonly isBusy: boolean };

let exchange: ExchangeSimulator | undefined;
const meetings = new Map<string, string>();

const handlers = {
  /** Starts with these mailboxes; some of them are in a meeting. */
  async start({ mailboxes, busy }: { mailboxes: readonly string[]; busy: readonly string[] }): Promise<string> {
    exchange = await startExchangeSimulator({ impersonation: true, schemas: '' });
    for (const mailbox of mailboxes) exchange.calendars.addMailbox(mailbox);
    for (const mailbox of busy) toggle(mailbox);
    return exchange.url;
  },

  /** How many streams are open, and for how many mailboxes. */
  listening(): { streams: number; mailboxes: number } {
    const streams = exchange?.notifications.streams ?? [];
    return { streams: streams.length, mailboxes: streams.reduce((sum, ids) => sum + ids.length, 0) };
  },

  /** Plays the changes, in the order of their instants. */
  async play(changes: readonly PlannedChange[]): Promise<MadeChange[]> {
    const began = preciseNow();
    const made: MadeChange[] = [];
    for (const { mailbox, after } of changes) {
      const wait = began + after - preciseNow();
      if (wait > 0) await sleep(wait);
      made.push(toggle(mailbox));
    }
    return made;
  },

  async stop(): Promise<void> {
    await exchange?.stop();
  },
};
export type ExchangeProcess = typeof handlers;

function toggle(mailbox: string): MadeChange {
  if (exchange === undefined) throw new Error('not started');
  const at = preciseNow();
  const meeting = meetings.get(mailbox);
  if (meeting !== undefined) {
    exchange.calendars.cancel(meeting);
    meetings.delete(mailbox);
  } else {
    // Its own beginning and end are far away: nobody is asked for because of them.
    const span = { start: at - HOUR / 2, end: at + 2 * HOUR };
    meetings.set(mailbox, exchange.calendars.book(mailbox, { ...span, status: 'Busy' }));
  }
  return { mailbox, at, isBusy: meeting === undefined };
}

answerParent(handlers);
