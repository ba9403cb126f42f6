// Mutated stanzas and streams, from a server's side of a real connection through a whole gateway, beside an oracle:
// saxes reads what the server says, and a model says what must come of it (strict-reader.ts, watch-model.ts).

import { setImmediate as turn } from 'node:timers/promises';
import xml from '@xmpp/xml';
import { MINUTE } from '../../../component/runtime/clock.ts';
import { collectGarbage, memoryInUse } from '../memory.ts';
import { Random } from '../random.ts';
import { fuzzCase, fuzzGreeting } from './fuzz-case.ts';
import { FuzzServer, type FuzzStream } from './fuzz-server.ts';
import { FuzzedGateway } from './fuzzed-gateway.ts';
import type { XmlNode } from './strict-reader.ts';
import { DOMAIN, WatchModel } from './watch-model.ts';

/** Milliseconds until a batch is answered or its stream closed; for a busy machine. */
const PATIENCE = 20_000;
/** Cases a batch. */
const MOST = 60;
/** Batches between two looks at the database. */
const LOOK_EVERY = 25;
const CHECKER = 'checker@example.net';

export async function fuzzInbound(cases: number, seed: number) {
  return await new InboundFuzz(cases, seed).run();
}

class InboundFuzz {
  readonly #cases: number;
  readonly #seed: number;
  readonly #random: Random;
  readonly #model = new WatchModel();
  readonly #gateway = new FuzzedGateway();
  readonly #server: FuzzServer;
  /** Names what the checks are answered with. */
  #checks = 0;
  #pinged = '';
  #pong = '';
  #probed = '';
  #isEcho = false;
  /** While only the checker watches anybody. */
  #isTidy = false;
  #fault: Error | undefined;
  #case = 0;
  /** What has been said since the last answer, to be seen when something goes wrong. */
  #said: Buffer[] = [];
  readonly #figures = { batches: 0, answered: 0, closed: 0, cut: 0, greetings: 0, slowestMs: 0 };

  constructor(cases: number, seed: number) {
    this.#cases = cases;
    this.#seed = seed;
    this.#random = new Random(seed);
    this.#server = new FuzzServer({
      said: (stanza) => {
        if (!this.#isEcho) this.#model.said(stanza);
        if (stanza.attributes.from?.startsWith(`${CHECKER}/`)) this.#pinged = stanza.attributes.id ?? '';
      },
      heard: (stanza) => this.#heard(stanza),
    });
  }

  async run() {
    await this.#server.start();
    await this.#gateway.start(this.#server);
    const memory: number[] = [];
    try {
      (await this.#online()).say(Buffer.from(`<presence type='subscribe' from='${CHECKER}' to='alice@${DOMAIN}'/>`));
      await this.#settle();
      for (let part = 1; part <= 10; part++) {
        while (this.#case < (this.#cases * part) / 10) {
          await this.#batch();
          if (++this.#figures.batches % LOOK_EVERY === 0) await this.#look();
        }
        await this.#tidy();
        memory.push(await memoryLeft());
        await this.#gateway.stop();
        await this.#gateway.start(this.#server);
      }
      await this.#look();
    } catch (error) {
      const said = Buffer.concat(this.#said)
        .toString('latin1')
        .replace(/(.{1,3})\1{30,}/g, (all, one) => `${one}*${all.length / one.length}`);
      const shown = said.length > 20_000 ? `${said.slice(0, 10_000)} … ${said.slice(-10_000)}` : said;
      throw new Error(`seed ${this.#seed}, up to case ${this.#case}: ${error}; said: ${JSON.stringify(shown)}`, {
        cause: error,
      });
    } finally {
      await this.#gateway.stop();
      await this.#server.stop();
    }
    const { ends } = this.#gateway;
    const { connections } = this.#server;
    const { counts } = this.#model;
    const [first = 0] = memory;
    return {
      ...{ seed: this.#seed, cases: this.#case, connections, ...this.#figures, ...counts, checks: this.#checks },
      ends: Object.fromEntries(ends),
      memoryMiB: memory.map((bytes) => Math.round(bytes / 2 ** 20)),
      grownMiB: Math.round(((memory.at(-1) ?? 0) - first) / 2 ** 20),
      timers: this.#gateway.clock.pending + this.#gateway.wire.pending,
    };
  }

  /** Says some cases on one stream, and sees that the gateway answers the next ping, or closes the stream, as it must. */
  async #batch(): Promise<void> {
    const random = this.#random;
    const stream = await this.#online();
    this.#said = [];
    const began = performance.now();
    const rhythm = random.below(10);
    const most = 1 + random.below(MOST);
    for (let i = 0; i < most && stream.spoken.end === undefined; i++) {
      this.#case++;
      const bytes = fuzzCase(random);
      if (rhythm === 0) await this.#sayInPieces(stream, bytes);
      else this.#say(stream, bytes);
      if (rhythm === 1) await turn();
    }
    await this.#check(stream);
    this.#figures.slowestMs = Math.max(this.#figures.slowestMs, Math.round(performance.now() - began));
  }

  #say(stream: FuzzStream, bytes: Buffer): void {
    this.#said.push(bytes);
    stream.say(bytes);
  }

  async #sayInPieces(stream: FuzzStream, bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + this.#random.below(Math.max(40, bytes.length / 20));
      this.#say(stream, bytes.subarray(at, end));
      await turn();
      at = end;
    }
  }

  /** A ping and a probe that must be answered; unless the stream is no stream any more: then it must be closed. */
  async #check(stream: FuzzStream): Promise<void> {
    const check = `check-${++this.#checks}`;
    const ping = `<iq type='get' id='${check}' from='${CHECKER}/${check}' to='${DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>`;
    this.#say(stream, Buffer.from(`<presence type='probe' from='${CHECKER}/${check}' to='alice@${DOMAIN}'/>${ping}`));
    const said = Buffer.concat(this.#said).toString('latin1');
    // The gateway looks at characters when a token has ended; till then it only counts them.
    const isWithinCdata = said.lastIndexOf('<![CDATA[') > said.lastIndexOf(']]>');
    if (stream.spoken.end !== undefined && !isWithinCdata) {
      this.#figures.closed++;
      await this.#until(
        () => stream.isClosed && !this.#gateway.isOnline,
        `the end of the stream: ${stream.spoken.end}`,
      );
    } else if (stream.spoken.end === undefined && this.#pinged === check) {
      await this.#until(() => this.#pong === check && this.#probed === check, 'an answer to a ping and a probe');
      this.#figures.answered++;
      if (this.#model.requests !== 0) throw new Error(`${this.#model.requests} requests without an answer`);
      if (this.#random.chance(0.05)) await this.#cut(stream);
    } else {
      // All that is under way is a token or a stanza that has not ended, and never will.
      this.#figures.cut++;
      stream.socket.end();
      await this.#until(() => stream.isClosed && !this.#gateway.isOnline, 'the end of a stream that was cut');
    }
    this.#model.requests = 0;
    await this.#gateway.clock.pass(500);
  }

  async #cut(stream: FuzzStream): Promise<void> {
    if (this.#random.chance(0.5)) stream.socket.resetAndDestroy();
    else stream.socket.end();
    await this.#until(() => !this.#gateway.isOnline, 'the end of a connection that was cut');
  }

  /** The stream that is up; after some that had a strange beginning. */
  async #online(): Promise<FuzzStream> {
    const { wire } = this.#gateway;
    while (!this.#gateway.isOnline) {
      const before = this.#server.connections;
      if (this.#random.chance(0.1)) {
        this.#figures.greetings++;
        this.#server.disguise = (text) => fuzzGreeting(this.#random, text);
      }
      wire.advance(this.#gateway.retryIn ?? 0);
      this.#gateway.retryIn = undefined;
      await this.#until(() => this.#server.connections > before || this.#gateway.retryIn !== undefined, 'a connection');
      for (let look = 0; !this.#gateway.isOnline && this.#gateway.retryIn === undefined; look++) {
        await turn();
        this.#failed();
        // Nothing more will come: the gateway gives it up by itself.
        if (look === 200) wire.advance(10_000);
        if (look > 200_000) throw new Error('a connection that is neither up nor given up');
      }
      this.#server.disguise = (text) => Buffer.from(text);
    }
    return this.#server.stream as FuzzStream;
  }

  #heard(stanza: XmlNode): void {
    const { name, attributes } = stanza;
    if (name === 'iq' && attributes.type === 'get' && attributes.to === DOMAIN) {
      this.#isEcho = true;
      const { id = '' } = attributes;
      this.#server.stream?.say(Buffer.from(`<iq type='result' from='${DOMAIN}' to='${DOMAIN}' id='${id}'/>`));
      this.#isEcho = false;
      return;
    }
    const to = attributes.to ?? '';
    if (name === 'iq' && attributes.type === 'result' && to.startsWith(CHECKER)) this.#pong = attributes.id ?? '';
    if (name === 'presence' && attributes.type === undefined && to.startsWith(`${CHECKER}/`)) {
      this.#probed = to.slice(CHECKER.length + 1);
    }
    try {
      if (this.#isTidy && !to.startsWith(CHECKER)) throw new Error('somebody who watches no more');
      this.#model.heard(stanza);
    } catch (error) {
      this.#fault ??= new Error(`the gateway said what it must not: ${error}: ${JSON.stringify(stanza)}`);
    }
  }

  /** Lets Exchange answer, and sees that the database holds what was asked for and nothing else. */
  async #look(): Promise<void> {
    await this.#online();
    await this.#settle();
    const faults = this.#model.faults(await this.#gateway.rows());
    if (faults.length > 0) throw new Error(`the database is wrong: ${faults.join('; ')}`);
  }

  async #settle(): Promise<void> {
    for (let round = 0; round < 5; round++) {
      await this.#gateway.clock.pass(2_000);
      await turn();
    }
    this.#failed();
  }

  /** Ends all subscriptions, as their watchers would: nothing must be left of what came and went. */
  async #tidy(): Promise<void> {
    const stream = await this.#online();
    await this.#settle();
    this.#said = [];
    for (const row of await this.#gateway.rows()) {
      const [contact = '', watcher = ''] = row.split(' ');
      if (watcher === CHECKER) continue;
      const [from, to] = [xml.escapeXML(watcher), xml.escapeXML(contact)];
      this.#say(stream, Buffer.from(`<presence type='unsubscribe' from='${from}' to='${to}@${DOMAIN}'/>`));
    }
    await this.#check(stream);
    await this.#look();
    // Calendars change now, and only one is told.
    this.#isTidy = true;
    for (let minute = 0; minute < 11; minute++) await this.#gateway.clock.pass(MINUTE);
    await this.#check(await this.#online());
    this.#isTidy = false;
  }

  async #until(holds: () => boolean, what: string): Promise<void> {
    const end = performance.now() + PATIENCE;
    while (!holds()) {
      this.#failed();
      if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
      await turn();
    }
    this.#failed();
  }

  #failed(): void {
    if (this.#fault !== undefined) throw this.#fault;
    if (this.#gateway.faults.length > 0) throw new Error(this.#gateway.faults.join('; '));
    const problem = this.#server.stream?.heard.end;
    if (problem !== undefined && problem !== 'the stream was closed')
      throw new Error(`the gateway wrote no XML: ${problem}`);
  }
}

/** What is in use without garbage; of streams that have ended some is garbage only after their last callbacks. */
async function memoryLeft(): Promise<number> {
  for (let round = 0; round < 5; round++) {
    await turn();
    collectGarbage();
  }
  return memoryInUse();
}
