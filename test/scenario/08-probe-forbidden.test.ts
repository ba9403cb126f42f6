import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { from, ONLINE, openHouse } from '../support/house.ts';

// Checklist 8: a probe by one whom policy has come to forbid → unsubscribed, and the row goes.
test('a watcher whom the policy no longer allows loses the subscription at the next log-in', async () => {
  await using house = await openHouse();
  const alice = house.contact('alice');
  const before = await house.watcher('bob');
  await before.subscribe(alice);
  await before.next(from(alice));
  await before.stop();
  const config = parse(readFileSync(house.gateway.configFile, 'utf8')) as { watchers: object };
  config.watchers = { domains: ['example.test'], rules: [{ deny: 'bob@example.test' }] };
  expect(stringify(config)).toContain('deny');
  await house.gateway.restart(config);
  await house.gateway.waitForLog(ONLINE);
  const after = await house.watcher('bob');
  await after.next(from(alice, 'unsubscribed'));
  expect(house.rows()).toEqual([]);
  expect((await after.roster()).map(({ subscription }) => subscription)).not.toContain('to');
});
