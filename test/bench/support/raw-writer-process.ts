// A component on a bare socket in a process of its own, which writes stanzas that were serialised beforehand: what can't
// be undercut.

import { setTimeout as sleep } from 'node:timers/promises';
import { answerParent } from './helper-process.ts';
import { eachStanza, Probes, type Question } from './probes.ts';
import { connectRawComponent, type RawComponent } from './raw-component.ts';
import { preciseNow } from './raw-sink.ts';

/** Stanzas; the gateway's default. */
const WINDOW = 500;

let component: RawComponent | undefined;
/** Windows of stanzas, each with a ping at its end: to be written at once, or one by one. */
let bursts: Buffer[] = [];
let burst = Buffer.alloc(0);
/** Called when the ping of a window has come back. */
let acknowledged = () => {};
let rest = '';
const probes = new Probes((stanza) => void component?.write(stanza));

const handlers = {
  async connect(options: { port: number; domain: string; secret: string }): Promise<void> {
    const onText = (text: string) => {
      const at = preciseNow();
      rest = eachStanza(rest + text, (stanza) => {
        if (stanza.startsWith('<iq')) acknowledged();
        else probes.received(stanza, at);
      });
    };
    component = await connectRawComponent({ ...options, onText });
  },

  /** One stanza for each head and each watcher, from now on: head, watcher, tail. */
  prepare(input: {
    stanzas: readonly { head: string; tail: string }[];
    watchers: readonly string[];
    ping: string;
  }): void {
    const stanzas = input.stanzas.flatMap(({ head, tail }) => input.watchers.map((watcher) => head + watcher + tail));
    burst = Buffer.from(stanzas.join(''));
    bursts = [];
    for (let from = 0; from < stanzas.length; from += WINDOW) {
      bursts.push(Buffer.from(stanzas.slice(from, from + WINDOW).join('') + input.ping));
    }
  },

  /** Writes them in one call at `due` (epoch milliseconds). Resolves when the kernel has taken them. */
  async write(due: number): Promise<void> {
    await sleep(due - Date.now());
    await component?.write(burst);
  },

  /** Writes them in windows at `due`, at most two of which wait for their ping to come back, as the gateway does. */
  async writeInWindows(due: number): Promise<void> {
    await sleep(due - Date.now());
    let written = 0;
    const writeNext = () => {
      const next = bursts[written++];
      if (next !== undefined) void component?.write(next);
    };
    await new Promise<void>((resolve) => {
      let back = 0;
      acknowledged = () => {
        writeNext();
        if (++back === bursts.length) resolve();
      };
      writeNext();
      writeNext();
    });
    acknowledged = () => {};
  },

  probe({ questions, pause, limit }: { questions: readonly Question[]; pause: number; limit: number }) {
    return probes.ask(questions, pause, limit);
  },

  async stop(): Promise<void> {
    await component?.close();
  },
};
export type RawWriter = typeof handlers;

answerParent(handlers);
