// What both ways of playing have in common: who does what, and the eyes on Bob's client and on the calendars.

import { setTimeout as sleep } from 'node:timers/promises';
import { type Instant, MINUTE } from '../../component/runtime/clock.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { type Heard, hear } from './heard.ts';
import { clockTime, type Screen } from './screen.ts';
import type { Stage } from './stage.ts';
import { type Entry, type Person, people, SPEED, timings } from './story.ts';
import type { World } from './world.ts';

/** Real milliseconds between two looks. */
const LOOK_PAUSE = 20;
/** Real milliseconds. */
const GATEWAY_STOP_LIMIT = 6_000;

/** The play can't go on: the message says why. */
export class Interrupted extends Error {}

export class Performance {
  readonly stage: Stage;
  readonly screen: Screen;
  readonly #world: World;
  readonly #heard: Heard[] = [];
  #stopping = false;

  constructor(stage: Stage, screen: Screen, world: World) {
    this.stage = stage;
    this.screen = screen;
    this.#world = world;
  }

  /** What Bob's client has received. */
  get heard(): readonly Heard[] {
    return this.#heard;
  }

  lastHeard(person: Person): string | undefined {
    return this.#heard.findLast((heard) => heard.person === person)?.what;
  }

  /** A round instant, soon, but not so soon that Bob's request would not be through by then. */
  begin(): Instant {
    return Math.ceil((this.stage.now() + 1.5 * MINUTE) / (5 * MINUTE)) * 5 * MINUTE;
  }

  /** Puts an entry into a calendar in Exchange. */
  book(entry: Entry): void {
    this.stage.book(entry);
    this.#world.entries.push(entry);
  }

  cancel(entry: Entry): void {
    this.stage.cancel(entry);
    this.#world.entries.splice(this.#world.entries.indexOf(entry), 1);
  }

  find(person: Person, subject: string): Entry | undefined {
    return this.#world.entries.findLast((entry) => entry.person === person && entry.subject === subject);
  }

  /** Bob adds everybody to his contacts. */
  async ask(): Promise<Instant> {
    const at = this.stage.now();
    this.screen.note(at, `Bob adds ${people.join(' and ')} to his contacts`);
    for (const person of people) await this.stage.bob.subscribe(this.stage.contact(person));
    return at;
  }

  outageBegins(): void {
    this.stage.exchange.faults.set({ kind: 'unavailable' });
    this.#world.isSilent = true;
    this.screen.note(
      this.stage.now(),
      'Exchange fails: every request gets HTTP 503',
      `A calendar counts for ${timings.staleAfter / MINUTE} minutes from when it was read. After that the gateway claims nothing.`,
    );
  }

  outageEnds(): void {
    this.stage.exchange.faults.clear('unavailable');
    this.#world.isSilent = false;
    this.screen.note(
      this.stage.now(),
      'Exchange answers again',
      'The gateway finds out at its next attempt; its pauses have grown to up to 6 minutes.',
    );
  }

  /**
   * Stops the gateway cleanly and returns when that began.
   *
   * @throws Interrupted when it ends otherwise
   */
  async stopGateway(): Promise<Instant> {
    const at = this.stage.now();
    this.#stopping = true;
    this.screen.note(at, 'The gateway is stopped (SIGTERM)');
    const code = await this.stage.gateway.stop(GATEWAY_STOP_LIMIT);
    if (code !== 0) throw new Interrupted(`the gateway did not stop cleanly: ${code ?? 'it had to be killed'}.`);
    return at;
  }

  /**
   * Waits until it is so, at the latest until the played instant, while what happens is printed.
   *
   * @throws the signal's reason when it fires; Interrupted when the gateway or the XMPP server has gone
   */
  async until(isSo: () => boolean, latest: Instant, signal?: AbortSignal): Promise<void> {
    for (;;) {
      signal?.throwIfAborted();
      this.#look();
      if (!this.#stopping) this.#checkThatAllRun();
      if (isSo() || this.stage.now() >= latest) return;
      await sleep(Math.min(LOOK_PAUSE, Math.max(1, (latest - this.stage.now()) / SPEED)));
    }
  }

  /** Waits for the played instant; see `until`. */
  at(instant: Instant, signal?: AbortSignal): Promise<void> {
    return this.until(() => false, instant, signal);
  }

  /** Waits for what may still come though nothing should, in real milliseconds. */
  async settle(duration: number): Promise<void> {
    await sleep(duration);
    this.#look();
  }

  #checkThatAllRun(): void {
    const { gateway, bob } = this.stage;
    const at = clockTime(this.stage.now());
    if (!gateway.isRunning) throw new Interrupted(`the gateway ended by itself at ${at}.`);
    if (!bob.isConnected) throw new Interrupted(`the connection of Bob's client broke at ${at}.`);
  }

  #look(): void {
    const { stage, screen } = this;
    for (const stanza of stage.bob.received.slice(this.#heard.length)) {
      const heard = hear(stanza, stage.prosody.component.domain, stage.played(stanza.at));
      this.#heard.push(heard);
      screen.received(heard);
    }
    screen.look(stage.now(), Date.now());
  }
}

/** What the gateway said last: warnings and worse, and what was no log at all. */
export function lastWords({ logs, output }: GatewayProcess): readonly string[] {
  const lines = logs.filter(({ level }) => level !== 'info').slice(-10);
  const rest = output.split('\n').filter((line) => line !== '');
  const words = [...lines.map((line) => JSON.stringify(line)), ...rest.slice(-20)];
  return words.length === 0
    ? ['  The gateway logged neither a warning nor an error.']
    : ["  The gateway's last words:", ...words.map((line) => `  ${line}`)];
}
