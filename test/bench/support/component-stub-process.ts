// The server's side of XEP-0114 and nothing behind it: takes what a component sends, as fast as it can, and counts it.
// It answers pings, so that windows are acknowledged, and asks for presence as servers do for clients that log in.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Count } from './crowd-process.ts';
import { answerParent } from './helper-process.ts';
import { eachStanza, Probes, type Question } from './probes.ts';
import { preciseNow } from './raw-sink.ts';

let domain = '';
let component: Socket | undefined;
let wanted = '';
let counted = { count: 0, first: 0, last: 0 };
const probes = new Probes((stanza) => component?.write(stanza));

const server = createServer((socket) => {
  socket.setNoDelay(true).setEncoding('latin1');
  socket.on('error', () => {});
  let rest = '';
  socket.once('data', (header: string) => {
    domain = /\bto=["']([^"']+)/.exec(header)?.[1] ?? '';
    socket.write(
      `<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:component:accept' id='1' from='${domain}'>`,
    );
    socket.on('data', (chunk: string) => {
      const at = preciseNow();
      rest = eachStanza(rest + chunk, (stanza) => received(stanza, socket, at));
    });
  });
});

function received(stanza: string, socket: Socket, at: number): void {
  if (stanza.startsWith('<handshake')) {
    // Any secret is right.
    socket.write('<handshake/>');
    component = socket;
  } else if (stanza.startsWith('<iq')) {
    const id = /\bid=["']([^"']+)/.exec(stanza)?.[1];
    socket.write(`<iq type='result' from='${domain}' to='${domain}' id='${id}'/>`);
  } else {
    probes.received(stanza, at);
    if (wanted === '' || !stanza.includes(wanted)) return;
    counted.last = at;
    counted.first ||= at;
    counted.count++;
  }
}

const handlers = {
  /** The port. */
  async listen(): Promise<number> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  },

  /** When the component has shaken hands (epoch milliseconds with fractions). */
  async connected(limit: number): Promise<number> {
    const deadline = preciseNow() + limit;
    while (component === undefined) {
      if (preciseNow() > deadline) throw new Error(`nobody shook hands in ${limit} ms`);
      await sleep(1);
    }
    return preciseNow();
  },

  /** Counts stanzas that hold this text from now on. ASCII. */
  count(text: string): void {
    wanted = text;
    counted = { count: 0, first: 0, last: 0 };
  },

  counted(): Count {
    return counted;
  },

  /** Resolves when so many have come. */
  async until({ times, limit }: { times: number; limit: number }): Promise<Count> {
    const deadline = preciseNow() + limit;
    while (counted.count < times) {
      if (preciseNow() > deadline)
        throw new Error(`${counted.count} instead of ${times} times ${wanted} in ${limit} ms`);
      await sleep(5);
    }
    return counted;
  },

  probe({ questions, pause, limit }: { questions: readonly Question[]; pause: number; limit: number }) {
    return probes.ask(questions, pause, limit);
  },

  /** Writes stanzas of the users. */
  write(text: string): void {
    component?.write(text);
  },

  stop(): void {
    component?.destroy();
    server.close();
  },
};
export type ComponentStub = typeof handlers;

answerParent(handlers);
