import { expect, test } from 'vitest';
import { startExchangeSimulator } from '../support/exchange-simulator/exchange-simulator.ts';
import { from, openHouse } from '../support/house.ts';

test('an Exchange that refuses the password is marked, its contacts become unavailable, and the others go on', async () => {
  const branch = await startExchangeSimulator();
  try {
    branch.calendars.addMailbox('dora@branch.test');
    branch.calendars.book('dora@branch.test', { start: Date.now() - 1_000, end: Date.now() + 86_400_000 });
    const account = { username: 'gateway', passwordFile: 'exchange-password' };
    await using house = await openHouse({
      speed: { calendar: 120 },
      config: (url: string) => ({
        exchange: {
          servers: [
            { name: 'hq', url, ...account, domains: ['example.test'] },
            { name: 'branch', url: branch.url, ...account, domains: ['branch.test'] },
          ],
        },
        directory: { rule: '{local}@example.test', domains: ['example.test', 'branch.test'] },
        calendar: { refresh: '1m', staleAfter: '10m' },
      }),
    });
    const [alice, dora] = [house.contact('alice'), house.contact('dora\\40branch.test')];
    house.meetingNow('alice', 'Busy', 86_400_000);
    const bob = await house.watcher('bob');
    await bob.subscribe(alice);
    await bob.subscribe(dora);
    await bob.next(from(alice, undefined, 'dnd'));
    await bob.next(from(dora, undefined, 'dnd'));

    const asked = branch.requests.length;
    branch.faults.set({ kind: 'unauthorized' });
    const marked = await house.gateway.waitForLog(
      ({ msg }) => msg.includes('lest the account be locked: mend'),
      20_000,
    );
    expect(marked).toMatchObject({ level: 'error', server: 'branch', kind: 'unauthorized' });
    await bob.next(from(dora, 'unavailable'), 15_000);
    const refused = branch.requests.slice(asked).filter(({ status }) => status === 401);
    expect(refused.length).toBeLessThanOrEqual(3);
    await bob.expectSilence(1_000, from(alice, 'unavailable'));
    expect(JSON.stringify(house.gateway.logs)).not.toContain('"secret"');
  } finally {
    await branch.stop();
  }
});
