import { type Instant, MINUTE } from '../../component/runtime/clock.ts';
import { expectedSteps, surelyBack, UNAVAILABLE } from './expectation.ts';
import { Interrupted, lastWords, type Performance } from './performance.ts';
import { people, SPEED, shortStory } from './story.ts';
import { differences, faultOf, type Pair, pair, slowestChange } from './verdict.ts';

/** Real time for what must come, and for what should not. */
const LIMIT = 3_000 * SPEED;
const SETTLE = 300;

/**
 * Plays the short story and judges it.
 *
 * @returns whether Bob received exactly what he should
 * @throws the signal's reason when it fires
 */
export async function playOnce(performance: Performance, signal: AbortSignal): Promise<boolean> {
  const { stage } = performance;
  const story = shortStory(performance.begin());
  for (const entry of story.entries) performance.book(entry);
  const askedAt = await performance.ask();
  let stoppedAt: Instant = surelyBack(story) + MINUTE;
  let interruption: Interrupted | undefined;
  try {
    await performance.at(story.outage.start, signal);
    performance.outageBegins();
    await performance.at(story.outage.end, signal);
    performance.outageEnds();
    const everybody = (isSo: (look: string | undefined) => boolean) => () =>
      people.every((person) => isSo(performance.lastHeard(person)));
    await performance.until(
      everybody((look) => look !== UNAVAILABLE),
      surelyBack(story) + LIMIT,
      signal,
    );
    await performance.at(stage.now() + MINUTE, signal);
    stoppedAt = await performance.stopGateway();
    await performance.until(
      everybody((look) => look === UNAVAILABLE),
      stage.now() + LIMIT,
      signal,
    );
    await performance.settle(SETTLE);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    interruption = error;
  }
  return judge(performance, { ...story, askedAt, stoppedAt }, interruption);
}

function judge(
  { stage, screen, heard }: Performance,
  played: Parameters<typeof expectedSteps>[1],
  interruption: Interrupted | undefined,
): boolean {
  const verdicts = people.map((person) => ({
    person,
    pairs: pair(
      expectedSteps(person, played),
      heard.filter((one) => one.person === person),
    ),
  }));
  const surplus = [
    ...heard.filter((one) => one.person === undefined).map(({ what }) => what),
    ...stage.bob.messages.map(({ element }) => String(element)),
  ];
  const { rejections } = stage.exchange;
  const wrong = verdicts.filter(({ pairs }) => pairs.some((both) => faultOf(both) !== undefined));
  screen.line();
  if (wrong.length + surplus.length + rejections.length === 0 && interruption === undefined) {
    const all: Pair[] = verdicts.flatMap(({ pairs }) => pairs);
    screen.line(
      screen.bold(`OK: Bob received exactly what he should, ${all.length} of ${all.length} stanzas, in order.`),
    );
    screen.line(`The slowest change in a calendar took ${slowestChange(all)} ms (real time) to Bob's client.`);
    return true;
  }
  screen.line(screen.bold('FAILED: Bob did not receive exactly what he should.'));
  if (interruption !== undefined) {
    screen.line(`\n  Because ${interruption.message}`);
    for (const line of lastWords(stage.gateway)) screen.line(line);
  }
  for (const { person, pairs } of wrong) {
    screen.line(`\n  ${person}`);
    for (const line of differences(pairs)) screen.line(line);
  }
  for (const what of surplus) screen.line(`\n  Nobody should have sent this: ${what}`);
  for (const reason of rejections) screen.line(`\n  Exchange refused a request as invalid: ${reason}`);
  return false;
}
