import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runGateway } from '../support/gateway-command.ts';
import { anythingFrom, from, ONLINE, openHouse } from '../support/house.ts';
import { serverUnderTest } from '../support/server-under-test.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

test('exported beside a running gateway, imported into a new database: watchers see presence without asking', async () => {
  await using house = await openHouse();
  const alice = house.contact('alice');
  house.meetingNow('alice', 'Busy', 600_000);
  const subscriptions = (...words: string[]) => runGateway(['subscriptions', ...words, '-c', house.gateway.configFile]);
  const bob = await house.watcher('bob');
  await bob.subscribe(alice);
  await bob.next(from(alice, undefined, 'dnd'));

  const database = join(house.gateway.folder, 'gateway.db');
  const file = join(house.gateway.folder, 'subscriptions.csv');
  const { stdout: csv } = await subscriptions('export');
  expect(csv).toMatch(/^contact,watcher,state,since\r\nalice,bob@example\.test,subscribed,\d{4}-.*Z\r\n$/);
  await expect(subscriptions('export', '-o', file)).resolves.toMatchObject({ code: 0 });
  expect(await subscriptions('import', file)).toMatchObject({
    ...{ code: 74, stdout: '' },
    stderr: expect.stringContaining(`A gateway (or another import) is using ${database}`),
  });
  expect(await subscriptions('import', file, '--dry-run')).toMatchObject({
    ...{ code: 0, stdout: `0 subscriptions would be imported into ${database}; 1 are there already\n` },
  });

  await house.gateway.stop();
  await bob.next(from(alice, 'unavailable'));
  for (const end of ['', '-wal', '-shm']) rmSync(`${database}${end}`, { force: true });
  // Has never asked, and so has no such contact in the roster.
  const carol = await house.watcher('carol');
  expect(await subscriptions('import', file)).toMatchObject({ code: 0 });
  expect(
    await runGateway(
      ['subscriptions', 'import', '-', '-c', house.gateway.configFile],
      `contact,watcher\nalice,${carol.bareJid}\n`,
    ),
  ).toMatchObject({ code: 0 });
  await house.gateway.restart();
  await house.gateway.waitForLog(ONLINE);
  await bob.next(from(alice, undefined, 'dnd'));
  await carol.next(from(alice, undefined, 'dnd'));
  expect(house.rows()).toEqual(['alice bob@example.test subscribed', 'alice carol@example.test subscribed']);

  // At a log-in the server asks for those in the roster.
  await carol.stop();
  const [again, strange] = [await house.watcher('bob', 'again'), await house.watcher('carol', 'again')];
  await again.next(from(alice, undefined, 'dnd'));
  await strange.expectSilence(500, anythingFrom(alice));
});

// Provisioning from end to end: Prosody's shared groups fill the rosters, the import fills the gateway.
test.skipIf(serverUnderTest() !== 'prosody')(
  'a watcher who was imported, and got the contact into the roster by a group, sees presence at log-in',
  async () => {
    const folder = makeTempFolder();
    const groups = folder.write('groups', '[Colleagues]\nalice@calendar.example.test=Alice\nbob@example.test=Bob\n');
    await using house = await openHouse({
      prosody: { modules: ['groups'], extraConfig: `groups_file = ${JSON.stringify(groups)}` },
    });
    const alice = house.contact('alice');
    house.meetingNow('alice', 'Busy', 600_000);
    await house.gateway.stop();
    expect(
      await runGateway(
        ['subscriptions', 'import', '-', '-c', house.gateway.configFile],
        `contact,watcher\n${alice},bob@example.test\n`,
      ),
    ).toMatchObject({
      code: 0,
      stdout: `1 subscription imported into ${join(house.gateway.folder, 'gateway.db')}; 0 were there already\n`,
    });
    await house.gateway.restart();
    await house.gateway.waitForLog(ONLINE);
    const bob = await house.watcher('bob');
    expect(await bob.roster()).toEqual([{ jid: alice, subscription: 'both', ask: undefined }]);
    await bob.next(from(alice, undefined, 'dnd'));
    // The row is the one that was imported: a probe without one would have made it.
    expect(house.gateway.logs.filter(({ msg }) => msg === 'Subscription changed')).toEqual([]);
    folder.remove();
  },
);
