// A component on a bare socket in a process of its own, which writes stanzas that were serialised beforehand: what can't
// be undercut.

import { setTimeout as sleep } from 'node:timers/promises';
import { answerParent } from './helper-process.ts';
import { connectRawComponent, type RawComponent } from './raw-component.ts';

let component: RawComponent | undefined;
let burst = Buffer.alloc(0);

const handlers = {
  async connect(options: { port: number; domain: string; secret: string }): Promise<void> {
    component = await connectRawComponent({ ...options, onText: () => {} });
  },

  /** One stanza for each head and each watcher, from now on in one piece: head, watcher, tail. */
  prepare(input: { stanzas: readonly { head: string; tail: string }[]; watchers: readonly string[] }): number {
    const text = input.stanzas.map(({ head, tail }) => input.watchers.map((watcher) => head + watcher + tail).join(''));
    burst = Buffer.from(text.join(''));
    return burst.byteLength;
  },

  /** Writes them in one call at `due` (epoch milliseconds). Resolves when the kernel has taken them. */
  async write(due: number): Promise<void> {
    await sleep(due - Date.now());
    await component?.write(burst);
  },

  async stop(): Promise<void> {
    await component?.close();
  },
};
export type RawWriter = typeof handlers;

answerParent(handlers);
