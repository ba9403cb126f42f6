import type { EwsAnswer, EwsRequest, EwsTransport } from '../../../../adapters/ews/http/ews-transport.ts';
import { StreamingFeed, type StreamingFeedOptions } from '../../../../adapters/ews/streaming/streaming-feed.ts';
import { RequestBudget } from '../../../../component/calendar/request-budget.ts';
import type { Timer } from '../../../../component/runtime/clock.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';

const MESSAGES = 'http://schemas.microsoft.com/exchange/services/2006/messages';
const TYPES = 'http://schemas.microsoft.com/exchange/services/2006/types';

type Asked = {
  readonly operation: string;
  readonly mailbox: string;
  readonly at: number;
  readonly headers: Readonly<Record<string, string>>;
};

/** What an operation is answered in place of success. */
export type Refusal = { readonly code: string; readonly backOff?: number; readonly ids?: readonly string[] };

type Stream = { readonly ids: readonly string[]; readonly anchor: string; readonly end: (xml: string) => void };

/** An Exchange without a network, that answers as a test says, where the simulator is too true to life. */
export class ScriptedServer {
  /** The mailbox of each subscription that was made and not given back. */
  readonly subscriptions = new Map<string, string>();
  readonly asked: Asked[] = [];
  readonly streams = new Set<Stream>();
  onSubscribe: (mailbox: string) => Refusal | undefined | Promise<undefined> = () => undefined;
  onUnsubscribe: (mailbox: string) => Refusal | undefined = () => undefined;
  onListen: (ids: readonly string[], anchor: string) => Refusal | 'silence' | 'late 401' | undefined = () => undefined;
  readonly #clock: FakeClock;
  #ids = 0;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  readonly transport: EwsTransport = {
    url: 'https://mail.example.com/EWS/Exchange.asmx',
    post: (post, sink) => this.#post(post, sink),
    close: () => Promise.resolve(),
  };

  idsOf(...mailboxes: readonly string[]): string[] {
    return [...this.subscriptions].filter(([, mailbox]) => mailboxes.includes(mailbox)).map(([id]) => id);
  }

  heard(): string[] {
    const ids = [...this.streams].flatMap((stream) => stream.ids);
    return ids.map((id) => this.subscriptions.get(id) ?? `nobody's ${id}`).sort();
  }

  count(operation: string): number {
    return this.asked.filter((one) => one.operation === operation).length;
  }

  async #post({ body, headers = {}, signal, onAnswer }: EwsRequest, sink: (text: string) => void): Promise<EwsAnswer> {
    const answer = { status: 200, headers: new Map(), cookies: [], scheme: 'basic' } as const;
    const [, operation = ''] = /<m:(Subscribe|Unsubscribe|GetStreamingEvents)[ >]/.exec(body) ?? [];
    const [, mailbox = ''] = /<t:(?:Primary)?SmtpAddress>([^<]*)</.exec(body) ?? [];
    this.asked.push({ operation, mailbox, headers, at: this.#clock.now() });
    if (operation !== 'GetStreamingEvents') onAnswer?.(answer);
    if (operation === 'GetStreamingEvents') {
      const ids = [...body.matchAll(/<t:SubscriptionId>([^<]*)</g)].map(([, id = '']) => id);
      const refusal = this.onListen(ids, mailbox);
      if (refusal === 'late 401') {
        await new Promise<void>((resolve) => this.#clock.after(20_000, resolve));
        onAnswer?.({ ...answer, status: 401 });
        return { ...answer, status: 401 };
      }
      onAnswer?.(answer);
      if (refusal !== undefined && refusal !== 'silence') {
        sink(write(operation, refusal, '<m:ConnectionStatus>Closed</m:ConnectionStatus>'));
        return answer;
      }
      return new Promise((resolve, reject) => {
        let heartbeat: Timer | undefined;
        const beat = () => {
          sink(write(operation, undefined, '<m:ConnectionStatus>OK</m:ConnectionStatus>'));
          heartbeat = this.#clock.after(45_000, beat);
        };
        const leave = () => {
          heartbeat?.cancel();
          this.streams.delete(stream);
        };
        const end = (xml: string) => {
          leave();
          sink(xml);
          resolve(answer);
        };
        const stream = { ids, anchor: mailbox, end };
        this.streams.add(stream);
        if (refusal === undefined) beat();
        const giveUp = () => {
          leave();
          reject(signal.reason as Error);
        };
        signal.addEventListener('abort', giveUp, { once: true });
      });
    }
    if (operation === 'Unsubscribe') {
      const [, id = ''] = /SubscriptionId>([^<]*)</.exec(body) ?? [];
      const refusal = this.onUnsubscribe(mailbox);
      if (refusal === undefined) this.subscriptions.delete(id);
      sink(write(operation, refusal, ''));
      return answer;
    }
    const id = `id-${++this.#ids}-${mailbox}`;
    // As a real one: what it has begun it finishes, whether or not somebody still waits for it.
    const refusal = await this.onSubscribe(mailbox);
    if (refusal === undefined) this.subscriptions.set(id, mailbox);
    signal.throwIfAborted();
    sink(write(operation, refusal, refusal === undefined ? `<m:SubscriptionId>${id}</m:SubscriptionId>` : ''));
    return answer;
  }
}

/** A message that a stream brings: an error. */
export function streamError(refusal: Refusal): string {
  return write('GetStreamingEvents', refusal, '');
}

function write(operation: string, refusal: Refusal | undefined, content: string): string {
  const { code = 'NoError', backOff, ids = [] } = refusal ?? {};
  const value =
    backOff === undefined
      ? ''
      : `<m:MessageXml><t:Value Name="BackOffMilliseconds">${backOff}</t:Value></m:MessageXml>`;
  const errors = ids.map((id) => `<m:SubscriptionId>${id}</m:SubscriptionId>`).join('');
  const message =
    `<m:${operation}ResponseMessage ResponseClass="${refusal === undefined ? 'Success' : 'Error'}">` +
    `${refusal === undefined ? '' : '<m:MessageText>No</m:MessageText>'}<m:ResponseCode>${code}</m:ResponseCode>${value}` +
    `${errors === '' ? '' : `<m:ErrorSubscriptionIds>${errors}</m:ErrorSubscriptionIds>`}${content}` +
    `</m:${operation}ResponseMessage>`;
  return (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>' +
    `<m:${operation}Response xmlns:m="${MESSAGES}" xmlns:t="${TYPES}"><m:ResponseMessages>${message}</m:ResponseMessages>` +
    `</m:${operation}Response></s:Body></s:Envelope>`
  );
}

/** A feed that asks a scripted server, on one clock that a test moves. */
export async function openScripted(options: Partial<StreamingFeedOptions> = {}) {
  const clock = new FakeClock(Date.UTC(2026, 2, 2, 9));
  const server = new ScriptedServer(clock);
  const budget = new RequestBudget({ concurrency: 8, random: () => 0.5 });
  // The server has shown that it bears as much.
  for (let i = 0; i < 8; i++) await budget.run(clock, async () => {});
  const logger = new RecordingLogger();
  const feed = new StreamingFeed({
    transport: server.transport,
    openStreams: () => server.transport,
    ...{ budget, clock, logger, random: () => 0.5, requestLimit: 30_000, mailboxes: 2000 },
    ...options,
  });
  const named: string[] = [];
  feed.start((mailbox) => named.push(mailbox));
  return {
    ...{ clock, server, budget, logger, feed },
    follow: (mailboxes: readonly string[]) => {
      for (const mailbox of mailboxes) feed.follow(mailbox);
    },
    /** Lets so much time pass, and what follows from it happen. */
    pass: async (milliseconds: number) => {
      const step = Math.min(10_000, Math.max(50, milliseconds / 100));
      for (let left = milliseconds; left > 0; left -= step) await clock.pass(Math.min(step, left));
    },
    takeNamed: () => [...new Set(named.splice(0))].sort(),
    said: (level: string) => logger.entries.filter((entry) => entry.level === level).map(({ message }) => message),
  };
}
