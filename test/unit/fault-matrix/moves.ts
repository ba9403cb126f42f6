// Two Exchange servers of one organisation, between which mailboxes move, and the gateway before them, configured and
// wired as in earnest.

import { onTestFinished } from 'vitest';
import { openExchangeServers } from '../../../adapters/cli/exchange-servers.ts';
import { serverSchema } from '../../../config/schema/server.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import { type AfterMove, Organisation } from '../../support/exchange-simulator/organisation.ts';
import { addressOf, FaultyExchange, type Person } from './exchange.ts';
import { Front } from './front.ts';
import { House } from './house.ts';

/** How the gateway is told of a server: where it is, or that Autodiscover tells; and which mailboxes it has. */
export type Told = {
  readonly name: string;
  readonly by: 'old address' | 'new address' | 'Autodiscover';
  readonly domains?: readonly string[];
  readonly mailboxes?: readonly string[];
};

export class Moves {
  /** Where everyone is at first, and Autodiscover. */
  readonly old: FaultyExchange;
  /** Where they move to. */
  readonly fresh: ExchangeSimulator;
  readonly freshFront: Front;

  private constructor(old: FaultyExchange, fresh: ExchangeSimulator, freshFront: Front) {
    this.old = old;
    this.fresh = fresh;
    this.freshFront = freshFront;
  }

  /** For one test. */
  static async open(): Promise<Moves> {
    const organisation = new Organisation();
    const old = await FaultyExchange.open({ organisation });
    const fresh = await startExchangeSimulator({ clock: old.clock, organisation, impersonation: true, schemas: '' });
    onTestFinished(() => fresh.stop());
    const front = await Front.open(fresh.port);
    onTestFinished(() => front.stop());
    return new Moves(old, fresh, front);
  }

  /** The gateway, in front of a watcher; resolves when the watcher sees everyone. */
  async watch(told: readonly Told[], { notifications = false } = {}): Promise<House> {
    const servers = told.map(({ by, ...rules }) =>
      serverSchema.parse({
        ...rules,
        ...this.#wayOf(by),
        ...{ username: 'gateway', password: 'secret', timeout: '1m', concurrency: 4 },
        ...(notifications && { impersonation: true }),
      }),
    );
    const asked = { notifications, automaticReplies: false };
    return await House.open(this.old, asked, (logger) => openExchangeServers(servers, this.old.clock, logger));
  }

  /** Autodiscover's address. */
  get autodiscoverUrl(): string {
    return `http://127.0.0.1:${this.old.front.port}/autodiscover/autodiscover.svc`;
  }

  /** For how many mailboxes the two listen on connections that are open. */
  get listening(): number {
    return [this.old.simulator, this.fresh].flatMap(({ notifications }) => notifications.streams.flat()).length;
  }

  move(people: readonly Person[], afterMove: AfterMove): void {
    for (const person of people) this.old.simulator.moveMailbox(addressOf(person), this.fresh, afterMove);
  }

  moveBack(people: readonly Person[], afterMove: AfterMove): void {
    for (const person of people) this.fresh.moveMailbox(addressOf(person), this.old.simulator, afterMove);
  }

  /** Who was asked about at the new server's address. */
  get askedAnew(): ReadonlySet<string> {
    return new Set(this.fresh.requests.flatMap(({ mailboxes }) => mailboxes));
  }

  #wayOf(by: Told['by']): object {
    if (by === 'Autodiscover') return { autodiscover: { url: this.autodiscoverUrl } };
    const { port } = by === 'old address' ? this.old.front : this.freshFront;
    return { url: `http://127.0.0.1:${port}/EWS/Exchange.asmx` };
  }
}
