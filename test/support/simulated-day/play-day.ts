import { setImmediate as nextTurn } from 'node:timers/promises';
import { systemClock } from '../../../adapters/runtime/system-clock.ts';
import type { CalendarSource } from '../../../component/calendar/calendar-source.ts';
import { RuleDirectory } from '../../../component/directory/rule-directory.ts';
import { Gateway } from '../../../component/gateway.ts';
import type { Look, Show } from '../../../component/presence/presence.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { SubscriptionPolicy } from '../../../component/subscription/subscription-policy.ts';
import { FakeClock } from '../fake-clock.ts';
import { MemoryStore } from '../memory-store.ts';
import { plainRules } from '../presence-rules.ts';
import { Random } from '../random.ts';
import { RecordingLogger } from '../recording-logger.ts';
import type { Exchange, ExchangeEvent, Stage } from './exchange.ts';
import { PresenceListener } from './listener.ts';
import { type DayPlan, type Moment, versionAt } from './plan.ts';
import { type DayRecord, emptyRecord } from './record.ts';

export const PACES = { refresh: 5 * MINUTE, refreshNear: 2 * MINUTE, refreshIdle: 30 * MINUTE } as const;
export const STALE_AFTER = HOUR;
export const COALESCE = SECOND;
const WINDOW = { past: HOUR, future: 48 * HOUR } as const;

/** Plays the day: the whole gateway, with a clock that jumps from one event to the next, and one XMPP server. */
export async function playDay(plan: DayPlan, open: (stage: Stage) => Exchange | Promise<Exchange>): Promise<DayRecord> {
  const clock = new FakeClock(plan.start);
  const random = new Random(plan.seed + 2);
  const record = emptyRecord(plan.mailboxes.map(({ watchers }) => watchers.length));
  const numbers = new Map(plan.mailboxes.map(({ mailbox }, number) => [mailbox, number]));
  const logger = new RecordingLogger();
  let offset = plan.start;
  const now = (): Moment => clock.now() - offset;

  /** What has been done that may have consequences which have not come about yet. */
  const stir = { looks: 0, requests: 0, entries: 0 };
  const underWay = new Set<Promise<unknown>>();

  const observe = (source: CalendarSource): CalendarSource => ({
    ...{ name: source.name, batchSize: source.batchSize, budget: source.budget, changes: source.changes },
    async freeBusy(mailboxes, window, signal) {
      record.requests++;
      stir.requests++;
      const askedAt = clock.now();
      const asking = source.freeBusy(mailboxes, window, signal);
      underWay.add(asking);
      try {
        const answers = await asking;
        for (const answer of answers) {
          if (!('periods' in answer)) continue;
          const number = numbers.get(answer.mailbox) ?? -1;
          const planned = plan.mailboxes[number];
          if (planned === undefined) continue;
          record.answers++;
          // A model's answer is the calendar itself; a server's is as of now, for no time has passed since.
          const given = planned.versions.findLastIndex(({ calendar }) => calendar === answer.periods);
          const version = given < 0 ? versionAt(planned, now()) : given;
          record.mailboxes[number]?.answers.push({ at: now(), askedAt, version });
          stir.entries += answer.periods.length + 1;
        }
        return answers;
      } finally {
        underWay.delete(asking);
        stir.requests++;
      }
    },
  });

  const listener = await new PresenceListener((contact, to, shows) => {
    const number = Number(contact.slice(1));
    const [watcher = ''] = to.split('/', 1);
    const index = plan.mailboxes[number]?.watchers.indexOf(watcher) ?? -1;
    const history = record.mailboxes[number]?.histories[index];
    if (history === undefined) throw new Error(`${contact} was shown to ${to}`);
    if (to !== watcher) {
      record.mailboxes[number]?.probes.push({ at: now(), shown: shows, seen: history.shows.at(-1) });
    } else {
      history.at.push(now());
      history.shows.push(shows);
    }
  }).start();

  const rules = new RuleDirectory({ rule: '{local}@example.com', domains: [], contacts: new Map() });
  const exchange = await open({
    ...{ plan, clock, now, observe },
    hinted: (mailbox, changedAt) => record.mailboxes[mailbox]?.hints.push({ at: now(), changedAt }),
  });
  const presenceRules = plainRules({
    Free: look(),
    Tentative: look('chat'),
    WorkingElsewhere: look('xa'),
    Busy: look('dnd'),
    OOF: look('away'),
  });
  const gateway = new Gateway({
    connection: {
      ...{ host: '127.0.0.1', port: listener.port, domain: listener.domain, secret: 'secret', clock: systemClock },
      // Time stands still until everything has arrived: there is always room.
      windowSize: 1_000_000,
    },
    ...{ repeatRate: 2000, stopTimeout: 30 * SECOND, onStop: 'keep', ...PACES, coalesce: COALESCE },
    ...{ window: WINDOW, goneAfter: 7 * DAY },
    staleAfterOf() {
      // The gateway can't show what it knows of a mailbox without asking this.
      stir.looks++;
      return STALE_AFTER;
    },
    presencePolicy: {
      rulesOf: () => presenceRules,
      agedAfter: 45 * MINUTE,
    },
    language: 'en',
    subscriptionPolicy: new SubscriptionPolicy({ domains: ['example.net'], rules: [], maxSubscriptions: 500 }),
    directory: {
      mailboxOf(contact) {
        // Nor what it has been asked about without looking here.
        stir.looks++;
        return rules.mailboxOf(contact);
      },
      nameOf: (contact) => rules.nameOf(contact),
    },
    ...{ store: await storeOf(plan), route: exchange.route, clock, logger, random: () => random.next(), version: '1' },
  });

  /** Until nothing happens any more without time going on. */
  async function settle(): Promise<void> {
    await nextTurn();
    while (stir.looks + stir.requests > 0 || (exchange.isReal && underWay.size > 0)) {
      if (exchange.isReal) await Promise.allSettled(underWay);
      const rounds = 3 + stir.requests + Math.ceil(stir.entries / 2_000);
      Object.assign(stir, { requests: 0, entries: 0 });
      for (let round = 0; round < rounds; round++) await nextTurn();
      if (stir.looks === 0) continue;
      stir.looks = 0;
      await listener.caughtUp();
    }
  }

  const happen = (event: ExchangeEvent) => () => exchange.happen(event);
  const events: { readonly at: Moment; readonly run: () => void }[] = [];
  plan.mailboxes.forEach(({ versions, errors, probes, watchers }, mailbox) => {
    versions.slice(1).forEach(({ from }, i) => {
      events.push({ at: from, run: happen({ type: 'edited', mailbox, version: i + 1 }) });
    });
    for (const { from, to, kind } of errors) {
      events.push({ at: from, run: happen({ type: 'mailbox-error', mailbox, kind }) });
      events.push({ at: to, run: happen({ type: 'mailbox-error', mailbox, kind: undefined }) });
    }
    for (const at of probes) {
      events.push({
        at,
        run: () => {
          listener.probe(`${watchers[0]}/phone`, `m${mailbox}`);
          stir.looks++;
        },
      });
    }
  });
  for (const outage of plan.outages) {
    events.push({ at: outage.from, run: happen({ type: 'outage', outage }) });
    events.push({ at: outage.to, run: happen({ type: 'outage-over', outage }) });
  }
  for (const { at, by } of plan.jumps) {
    events.push({
      at,
      run: () => {
        clock.jump(by);
        offset += by;
      },
    });
  }
  events.sort((a, b) => a.at - b.at);
  const schedule = (next: number): void => {
    const event = events[next];
    if (event === undefined) return;
    clock.after(event.at - now(), () => {
      event.run();
      schedule(next + 1);
    });
  };

  try {
    await gateway.start();
    await listener.online;
    schedule(0);
    while (now() < plan.length) {
      clock.advance(Math.min(clock.nextIn ?? SECOND, plan.length - now()));
      await settle();
    }
  } finally {
    await gateway.stop();
    await exchange.close();
    await listener.stop();
  }
  return record;
}

function look(show?: Show): Look {
  return { available: true, show, status: {} };
}

/** Everybody subscribed long ago. */
async function storeOf({ mailboxes, start }: DayPlan): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (const [number, { watchers }] of mailboxes.entries()) {
    for (const watcher of watchers) {
      await store.saveSubscription({ contact: `m${number}`, watcher, state: 'subscribed', since: start - DAY });
    }
  }
  return store;
}
