// The demonstration itself, started by main.ts in a process group of its own.

import { playEndlessly } from './endless.ts';
import { playOnce } from './once.ts';
import { Interrupted, lastWords, Performance } from './performance.ts';
import { Screen, wantsColours } from './screen.ts';
import { buildStage, type Stage } from './stage.ts';
import { SPEED } from './story.ts';
import type { World } from './world.ts';

const EXIT_FAILED = 1;
const EXIT_INTERRUPTED = 130;
/** Real milliseconds within which signals are one. */
const ONE_CTRL_C = 1_000;
/** The most real milliseconds that an orderly end may take. */
const STOP_LIMIT = 15_000;

const once = process.argv.includes('--once');
const stop = new AbortController();
let toldAt: number | undefined;
process.on('SIGTERM', () => {
  toldAt ??= Date.now();
  // Told again: at once, and what was started ends with this process. npm, tsx and a closing terminal all pass signals
  // on, so that one Ctrl-C may come as several.
  if (Date.now() - toldAt > ONE_CTRL_C) process.exit(EXIT_INTERRUPTED);
  end();
});
// Nobody is left who could tell us to stop, or who reads.
process.on('disconnect', end);
process.stdout.on('error', end);

function end(): void {
  stop.abort();
  setTimeout(() => process.exit(EXIT_FAILED), STOP_LIMIT).unref();
}

const world: World = { entries: [], isSilent: false };
const screen = new Screen({
  write: (text) => void process.stdout.write(text),
  colours: wantsColours(process.stdout.isTTY, process.env),
  world,
});

function introduce({ prosody, exchange, gateway, bob }: Stage): void {
  screen.line(`  XMPP server   Prosody, 127.0.0.1:${prosody.c2sPort}, with alice, bob and carol @${prosody.domain}`);
  screen.line(`  Exchange      simulated, ${exchange.url}`);
  screen.line(`  Gateway       process ${gateway.pid}, configured by ${gateway.configFile}`);
  screen.line(`  Bob's client  @xmpp/client, logged in as ${bob.jid}`);
  screen.columns();
}

async function play(): Promise<number> {
  screen.line();
  screen.line(screen.bold('Presence Gateway: a meeting in Exchange shows as "In a meeting" in a Jabber client'));
  screen.line();
  screen.line(
    `Time is played ${SPEED} times as fast: a minute passes in a second. The times below are the played ones.`,
  );
  screen.line('The subjects are there for you: the gateway asks Exchange for free/busy only and never sees them.');
  screen.line(
    once
      ? 'Plays a meeting, an absence, an Exchange outage and a stop, in about half a minute. Ctrl-C ends it.'
      : 'It goes on until Ctrl-C. (`npm run demo -- --once` plays a short story and checks it.)',
  );
  screen.line();
  const stage = await buildStage(stop.signal);
  try {
    introduce(stage);
    const performance = new Performance(stage, screen, world);
    if (once) return (await playOnce(performance, stop.signal)) ? 0 : EXIT_FAILED;
    await playEndlessly(performance, stop.signal);
    return 0;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    screen.line(`\n${screen.bold(`FAILED: ${error.message}`)}`);
    for (const line of lastWords(stage.gateway)) screen.line(line);
    return EXIT_FAILED;
  } finally {
    await stage[Symbol.asyncDispose]();
  }
}

async function main(): Promise<number> {
  try {
    return await play();
  } catch (error) {
    if (stop.signal.aborted) return once ? EXIT_INTERRUPTED : 0;
    process.stderr.write(`\nThe demonstration could not be played: ${(error as Error).message}\n`);
    return EXIT_FAILED;
  }
}

const code = await main();
if (stop.signal.aborted) screen.line('\nStopped. Nothing is left running.');
process.exit(code);
