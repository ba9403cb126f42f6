import { createEwsCalendarSource } from '../../../adapters/ews/ews-calendar-source.ts';
import { basicCredentials } from '../../../adapters/ews/http/authentication.ts';
import { startExchangeSimulator } from '../exchange-simulator/exchange-simulator.ts';
import { Organisation } from '../exchange-simulator/organisation.ts';
import { Random } from '../random.ts';
import { RecordingLogger } from '../recording-logger.ts';
import type { Exchange, Stage } from './exchange.ts';
import { homeAt, type MailboxTrouble, type Outage, SERVERS } from './plan.ts';

const codeOf: Readonly<Record<MailboxTrouble, string>> = {
  'mailbox-not-found': 'ErrorMailRecipientNotFound',
  'access-denied': 'ErrorNoFreeBusyAccess',
  malformed: 'ErrorOfTomorrow',
  // A mailbox that is "busy" speaks for the whole server: for one alone there is no such error.
  throttled: 'ErrorFreeBusyGenerationFailed',
  unreachable: 'ErrorProxyRequestProcessingFailed',
};

/** Two Exchange simulators, which the gateway asks over HTTP through the EWS adapter. No time passes on the way. */
export async function simulatedExchange({ plan, clock, now, observe }: Stage): Promise<Exchange> {
  const random = new Random(plan.seed + 1);
  const credentials = basicCredentials('gateway', 'secret');
  const organisation = new Organisation();
  const simulators = await Promise.all(
    SERVERS.map(() => startExchangeSimulator({ organisation, clock, now: () => clock.now(), schemas: '' })),
  );
  const logger = new RecordingLogger();
  const opened = simulators.map(({ url }, server) =>
    createEwsCalendarSource({
      ...{ name: SERVERS[server] ?? '', url, credentials, concurrency: 10, clock, logger },
      random: () => random.next(),
    }),
  );
  const sources = opened.map(observe);
  const numbers = new Map(plan.mailboxes.map(({ mailbox }, number) => [mailbox, number]));
  const { calendars } = organisation;
  const entries: string[][] = plan.mailboxes.map(() => []);

  const write = (mailbox: number, version: number): void => {
    const planned = plan.mailboxes[mailbox];
    for (const id of entries[mailbox] ?? []) calendars.cancel(id);
    entries[mailbox] =
      planned?.versions[version]?.calendar.map((entry) => calendars.book(planned.mailbox, entry)) ?? [];
  };
  plan.mailboxes.forEach((planned, number) => {
    calendars.addMailbox(planned.mailbox);
    const home = simulators[homeAt(planned, 0)];
    if (home !== undefined) organisation.move(planned.mailbox, home.host, 'proxy-not-allowed');
    write(number, 0);
  });

  function fail({ server, trouble, retryAfter }: Outage): void {
    const faults = simulators[server]?.faults;
    switch (trouble) {
      case 'throttled':
        // One of the ways in which Exchange says it.
        faults?.set(
          random.pick([
            { kind: 'busy-fault', backOff: retryAfter },
            { kind: 'unavailable', retryAfter: retryAfter / 1_000 },
          ]),
        );
        break;
      case 'refused':
        faults?.set({ kind: 'unauthorized' });
        break;
      default:
        faults?.set({ kind: random.pick(['refuse-connections', 'html-error', 'empty-500', 'cut-body']) });
    }
  }

  /** One fault of this kind is on for each mailbox in trouble; the simulator clears them together. */
  const errors = new Map<string, string>();
  const setErrors = (server: number): void => {
    for (const [mailbox, code] of errors) simulators[server]?.faults.set({ kind: 'mailbox-error', mailbox, code });
  };

  return {
    isReal: true,
    route: (mailbox) => sources[plan.mailboxes[numbers.get(mailbox) ?? -1]?.homes[0]?.server ?? 0],
    happen(event) {
      switch (event.type) {
        case 'edited':
          write(event.mailbox, event.version);
          break;
        case 'outage':
          fail(event.outage);
          break;
        case 'outage-over':
          simulators[event.outage.server]?.faults.clear();
          setErrors(event.outage.server);
          break;
        case 'mailbox-error': {
          const planned = plan.mailboxes[event.mailbox];
          if (planned === undefined) break;
          const server = homeAt(planned, now());
          if (event.kind === undefined) {
            errors.delete(planned.mailbox);
            simulators[server]?.faults.clear('mailbox-error');
          } else errors.set(planned.mailbox, codeOf[event.kind]);
          setErrors(server);
        }
      }
    },
    async close() {
      await Promise.all(opened.map((source) => source.close()));
      await Promise.all(simulators.map((simulator) => simulator.stop()));
      const rejections = simulators.flatMap((simulator) => simulator.rejections);
      if (rejections.length > 0) throw new Error(`Requests were invalid: ${rejections[0]}`);
    },
  };
}
