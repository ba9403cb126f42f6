// Days of an office in half an hour: people, meetings, and everything that can fail failing. When all is quiet, everybody
// must see the truth.

import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultSetting } from '../exchange-simulator/faults.ts';
import { type House, ONLINE, openHouse } from '../house.ts';
import { Random } from '../random.ts';
import { Meetings } from './meetings.ts';
import { MemoryRecord } from './memory-slope.ts';
import { People } from './people.ts';

export type SoakOptions = { readonly minutes: number; readonly seed: number };

const SPEED = 10;
const NAMES = ['romeo', 'juliet', 'mercutio', 'tybalt', 'benvolio', 'rosaline'];
const CONTACTS = Array.from({ length: 20 }, (_, i) => `contact${i}`);

/** Milliseconds between quiet points. */
const QUIET_EVERY = 20_000;
/** Within which everybody must see the truth at one: a server that was down is asked again after 5 minutes at the latest. */
const SETTLED = 60_000;
/** How long they must then see it. */
const STAYS = 1_000;
const WARM_UP = 60_000;
/** Share of the time in which the gateway is restarted: in the rest its memory is looked at. */
const RESTARTS = 0.6;

const OUTAGES: readonly FaultSetting[] = [
  { kind: 'refuse-connections' },
  { kind: 'hang' },
  { kind: 'unavailable', retryAfter: 20 },
  { kind: 'busy-fault', backOff: 30_000 },
  { kind: 'empty-500' },
  { kind: 'cut-body' },
  { kind: 'html' },
];

export async function soak({ minutes, seed }: SoakOptions) {
  await using house = await openHouse({
    mailboxes: CONTACTS,
    prosody: { users: NAMES },
    speed: { calendar: SPEED, wire: SPEED },
    exchange: { impersonation: true },
    config: (url: string) => ({
      exchange: {
        servers: [
          {
            ...{ name: 'hq', url, username: 'gateway', passwordFile: 'exchange-password' },
            ...{ impersonation: true, notifications: { mailboxes: 2_000 } },
          },
        ],
      },
      calendar: { refresh: '1m', refreshNear: '30s', refreshIdle: '2m', staleAfter: '5m' },
      log: { level: 'info', format: 'json' },
    }),
  });
  return await new Soak(house, new Random(seed)).run(minutes * 60_000, seed);
}

class Soak {
  readonly #house: House;
  readonly #random: Random;
  readonly #people: People;
  readonly #meetings: Meetings;
  readonly #memory = new MemoryRecord(WARM_UP);
  /** What ends the trouble that there is, and when. */
  #trouble: { readonly end: () => Promise<void>; readonly until: number } | undefined;
  #isServerUp = true;
  readonly #counts = {
    quietPoints: 0,
    views: 0,
    watched: 0,
    cleanRestarts: 0,
    kills: 0,
    serverRestarts: 0,
    outages: 0,
  };
  readonly #slowest = { settledMs: 0 };

  constructor(house: House, random: Random) {
    this.#house = house;
    this.#random = random;
    this.#people = new People(house, random, NAMES, CONTACTS);
    this.#meetings = new Meetings(house, random, CONTACTS);
  }

  async run(duration: number, seed: number) {
    const began = Date.now();
    const end = began + duration;
    let quiet = began + QUIET_EVERY;
    const looks = setInterval(() => this.#memory.look(this.#house.gateway.pid), 1_000);
    try {
      for (let now = began; now < end; now = Date.now()) {
        if (now >= quiet) {
          await this.#quietPoint(seed);
          quiet = Date.now() + QUIET_EVERY;
        }
        await this.#step(now < began + RESTARTS * duration);
        await sleep(this.#random.between(50, 400));
      }
      await this.#endTrouble();
      await this.#people.everybodyLogsIn();
      await this.#quietPoint(seed);
    } finally {
      clearInterval(looks);
    }
    return {
      ...{ seed, minutes: duration / 60_000, ...this.#counts, ...this.#people.counts, ...this.#meetings.counts },
      ...this.#slowest,
      memory: this.#memory.summary(),
    };
  }

  /** Something happens. */
  async #step(mayRestart: boolean): Promise<void> {
    const random = this.#random;
    if (this.#trouble !== undefined && Date.now() >= this.#trouble.until) await this.#endTrouble();
    if (this.#trouble === undefined && random.chance(0.03)) await this.#beginTrouble(mayRestart);
    const dice = random.next();
    if (dice < 0.4) this.#meetings.change();
    else if (!this.#isServerUp) return;
    else if (dice < 0.55) await this.#people.login();
    else if (dice < 0.63) await this.#people.logout();
    else if (dice < 0.82) await this.#people.subscribe();
    else if (this.#trouble === undefined) await this.#people.unsubscribe();
  }

  async #beginTrouble(mayRestart: boolean): Promise<void> {
    const { gateway, server, exchange } = this.#house;
    const random = this.#random;
    const last = (seconds: number, end: () => Promise<void>): void => {
      this.#trouble = { end, until: Date.now() + seconds * 1_000 };
    };
    const restart = async (): Promise<void> => {
      await gateway.restart();
      await gateway.waitForLog(ONLINE, 60_000);
    };
    switch (random.below(mayRestart ? 5 : 3)) {
      case 0:
        this.#isServerUp = false;
        this.#counts.serverRestarts++;
        if (random.chance(0.5)) await server.stop();
        else await server.kill();
        last(random.between(0, 5), async () => {
          await server.restart();
          this.#isServerUp = true;
        });
        break;
      case 1:
      case 2:
        this.#counts.outages++;
        exchange.faults.set(random.pick(OUTAGES));
        // Some last longer than what is known may count.
        last(random.between(1, random.chance(0.2) ? 40 : 10), async () => exchange.faults.clear());
        break;
      case 3:
        this.#counts.cleanRestarts++;
        await gateway.stop();
        last(random.between(0, 4), restart);
        break;
      case 4:
        this.#counts.kills++;
        await gateway.kill();
        last(random.between(0, 4), restart);
        break;
    }
  }

  async #endTrouble(): Promise<void> {
    const trouble = this.#trouble;
    this.#trouble = undefined;
    await trouble?.end();
  }

  /** Nothing happens any more, but for meetings that begin and end: everybody who is logged in comes to see the truth. */
  async #quietPoint(seed: number): Promise<void> {
    await this.#endTrouble();
    this.#counts.quietPoints++;
    const began = Date.now();
    const isOnline = (): boolean => this.#house.gateway.isRunning;
    if (!isOnline())
      throw new Error(`seed ${seed}: the gateway has ended: ${this.#house.gateway.output.slice(-2_000)}`);
    await sleep(2_000);
    await this.#people.askAgain();
    let rightSince: number | undefined;
    for (;;) {
      const wrong = this.#people.wrong((contact) => this.#meetings.truth(contact));
      const now = Date.now();
      rightSince = wrong.length > 0 ? undefined : (rightSince ?? now);
      if (rightSince !== undefined && now - rightSince >= STAYS) break;
      if (now - began > SETTLED)
        throw new Error(`seed ${seed}, quiet point ${this.#counts.quietPoints}: ${wrong.join('; ')}`);
      await sleep(50);
    }
    this.#slowest.settledMs = Math.max(this.#slowest.settledMs, rightSince - began);
    const { all, watched } = this.#people.views;
    this.#counts.views += all;
    this.#counts.watched += watched;
  }
}
