// A client on a bare TCP socket that logs in, becomes available and notes when presences arrive: as little work for
// each as possible, so that a benchmark measures the gateway and the server and not its own client.
// `startRawSink` runs it in this process, `forkRawSink` in another (best for measuring: two processes, two cores).

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { logInRaw, type RawAccount, until } from './raw-log-in.ts';

export type RawSinkOptions = RawAccount;

export type Arrival = {
  /** When its chunk was read from the socket: epoch milliseconds with fractions. */
  at: number;
  /** The presence's `from`; and its `id`, '' without one. */
  from: string;
  id: string;
  /** '' for available. */
  type: string;
  /** '' without one. */
  show: string;
};

export interface RawSink {
  /** The full JID that the server bound. */
  readonly jid: string;
  /** Takes the arrivals so far, waiting until there are `count` of them, `limit` milliseconds at most (then rejects). */
  take(count: number, limit: number): Promise<Arrival[]>;
  /** Writes a stanza, for example a subscription request. */
  write(text: string): void;
  stop(): Promise<void>;
}

/** Epoch milliseconds with fractions; processes of one machine agree on it to well below a millisecond. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now();
}

const PRESENCE = /<presence\b([^>]*?)(?:\/>|>[\s\S]*?<\/presence>)/g;
const SHOW = /<show>([a-z]*)</;

/** Takes the complete presences from the beginning of `text`; what may be the start of another one is the rest. */
export function scanPresences(text: string, at: number): { arrivals: Arrival[]; rest: string } {
  const arrivals: Arrival[] = [];
  let end = 0;
  PRESENCE.lastIndex = 0;
  for (let match = PRESENCE.exec(text); match; match = PRESENCE.exec(text)) {
    const attributes = match[1] as string;
    arrivals.push({
      at,
      from: attributeOf(attributes, 'from'),
      id: attributeOf(attributes, 'id'),
      type: attributeOf(attributes, 'type'),
      show: SHOW.exec(match[0])?.[1] ?? '',
    });
    end = PRESENCE.lastIndex;
  }
  return { arrivals, rest: text.slice(Math.max(end, startOfOpenPresence(text, end))) };
}

function startOfOpenPresence(text: string, from: number): number {
  const start = text.indexOf('<presence', from);
  // A few characters more than '<presence' has, for a name that is cut in the middle.
  return start < 0 ? text.length - 9 : start;
}

function attributeOf(attributes: string, name: string): string {
  const start = attributes.indexOf(` ${name}=`);
  if (start < 0) return '';
  const open = start + name.length + 2;
  return attributes.slice(open + 1, attributes.indexOf(attributes[open] as string, open + 1));
}

/** Logs in and sends initial presence. `onChunk` is told of every read. */
export async function startRawSink(
  options: RawSinkOptions,
  onChunk: (bytes: number, at: number) => void = () => {},
): Promise<RawSink> {
  const { jid, socket, stop } = await logInRaw(options);
  let text = '';
  let arrivals: Arrival[] = [];
  const listeners = new Set<() => void>();
  socket.on('data', (chunk: string) => {
    const at = preciseNow();
    onChunk(chunk.length, at);
    const scanned = scanPresences(text + chunk, at);
    text = scanned.rest;
    arrivals.push(...scanned.arrivals);
    for (const listener of [...listeners]) listener();
  });
  socket.on('close', () => {
    for (const listener of [...listeners]) listener();
  });

  return {
    jid,
    write: (stanza) => void socket.write(stanza),
    async take(count, limit) {
      const enough = () => (arrivals.length >= count ? true : undefined);
      await until({ socket, listeners, limit, probe: enough }).catch((error) => {
        throw new Error(`${options.username}: ${count} presences: ${error.message}, ${arrivals.length} have come`);
      });
      const taken = arrivals;
      arrivals = [];
      return taken;
    },
    stop,
  };
}

/** The same in a process of its own. */
export async function forkRawSink(options: RawSinkOptions): Promise<RawSink> {
  const child = fork(fileURLToPath(new URL('./raw-sink-process.ts', import.meta.url)), [], {
    execArgv: ['--import', 'tsx'],
    serialization: 'advanced',
  });
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let last = 0;
  const ended = once(child, 'exit');
  child.on('message', ({ id, value, error }: SinkReply) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new Error(error));
  });
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the sink process has ended'));
  });
  const call = (request: SinkRequest): Promise<unknown> =>
    new Promise((resolve, reject) => {
      last++;
      waiting.set(last, { resolve, reject });
      child.send({ id: last, request });
    });
  let jid: string;
  try {
    jid = (await call({ do: 'start', options })) as string;
  } catch (error) {
    child.kill();
    throw error;
  }
  return {
    jid,
    take: (count, limit) => call({ do: 'take', count, limit }) as Promise<Arrival[]>,
    write: (text) => void call({ do: 'write', text }),
    async stop() {
      await call({ do: 'stop' });
      child.disconnect();
      await ended;
    },
  };
}

export type SinkRequest =
  | { do: 'start'; options: RawSinkOptions }
  | { do: 'take'; count: number; limit: number }
  | { do: 'write'; text: string }
  | { do: 'stop' };
export type SinkReply = { id: number; value?: unknown; error?: string };
