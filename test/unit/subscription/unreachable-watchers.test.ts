import { expect, test } from 'vitest';
import { DAY, HOUR } from '../../../component/runtime/clock.ts';
import { UnreachableWatchers } from '../../../component/subscription/unreachable-watchers.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function setUp() {
  const clock = new FakeClock(0);
  const purged: string[] = [];
  return { clock, purged, watchers: new UnreachableWatchers(clock, (watcher) => void purged.push(watcher)) };
}

test.each(['gone', 'item-not-found', 'remote-server-not-found'])('%s lasts until the watcher is heard', (condition) => {
  const { watchers } = setUp();
  expect(watchers.bounced('bob@example.net', condition)).toBe(true);
  expect(watchers.bounced('bob@example.net', condition)).toBe(false);
  expect([watchers.has('bob@example.net'), watchers.has('carol@example.net')]).toEqual([true, false]);
  watchers.heard('bob@example.net');
  expect(watchers.isEmpty).toBe(true);
});

test.each(['remote-server-timeout', 'service-unavailable', 'resource-constraint', ''])('%s may pass', (condition) => {
  const { watchers } = setUp();
  expect(watchers.bounced('bob@example.net', condition)).toBe(false);
  expect(watchers.has('bob@example.net')).toBe(false);
});

test('who cannot be reached for thirty days is let go', async () => {
  const { clock, purged, watchers } = setUp();
  watchers.bounced('bob@example.net', 'gone');
  await clock.pass(10 * DAY);
  watchers.bounced('carol@example.net', 'gone');
  await clock.pass(20 * DAY - HOUR);
  expect(purged).toEqual([]);
  await clock.pass(2 * HOUR);
  expect(purged).toEqual(['bob@example.net']);
  expect(watchers.has('carol@example.net')).toBe(true);
  watchers.stop();
  await clock.pass(30 * DAY);
  expect(purged).toEqual(['bob@example.net']);
});
