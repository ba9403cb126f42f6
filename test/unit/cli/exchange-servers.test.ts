import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import {
  type ExchangeServer,
  type ExchangeServers,
  openExchangeServers,
  serverConnection,
} from '../../../adapters/cli/exchange-servers.ts';
import { systemClock } from '../../../adapters/runtime/system-clock.ts';
import { DAY, HOUR, MINUTE } from '../../../component/runtime/clock.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import { load, makeConfigurationFolder } from '../config/configuration-files.ts';

type Keys = Readonly<Record<string, unknown>>;

let folder: TempFolder;
let exchange: ExchangeSimulator;
let servers: ExchangeServers | undefined;
beforeAll(() => {
  folder = makeConfigurationFolder();
  folder.write('secret', 'secret\n');
});
afterAll(() => folder.remove());
beforeEach(async () => {
  exchange = await startExchangeSimulator({ schemas: '' });
  exchange.calendars.addMailbox('alice@example.test');
});
afterEach(async () => {
  await servers?.close();
  await exchange.stop();
});

async function configured(...written: readonly Keys[]): Promise<readonly ExchangeServer[]> {
  const yaml = stringify({
    xmpp: { domain: 'calendar.example.com', secretFile: 'component-secret' },
    exchange: { servers: written },
    directory: { contacts: { a: 'alice@example.test' } },
    watchers: { domains: ['example.com'] },
  });
  return (await load(folder, yaml)).configuration.exchange.servers;
}

function server(name: string, keys: Keys = {}): Keys {
  return { name, url: exchange.url, username: 'gateway', passwordFile: 'secret', ...keys };
}

/** The clock jumps between requests, so that no pause is waited for. */
let ahead = 0;
const clock = { now: () => systemClock.now() + ahead, after: systemClock.after.bind(systemClock) };

async function open(...written: readonly Keys[]): Promise<ExchangeServers> {
  ahead = 0;
  servers = openExchangeServers(await configured(...written), clock, new RecordingLogger());
  return servers;
}

function ask({ route }: ExchangeServers, mailbox: string) {
  const source = route(mailbox);
  if (source === undefined) throw new Error(`no server for ${mailbox}`);
  const now = clock.now();
  return source.freeBusy([mailbox], { start: now - HOUR, end: now + DAY }, new AbortController().signal);
}

test('each mailbox has the source and the limits of its server', async () => {
  const opened = await open(server('a', { domains: ['example.test'], staleAfter: '2h' }), server('b'));
  expect(opened.route('alice@example.test')?.name).toBe('a');
  expect(opened.route('alice@example.org')?.name).toBe('b');
  expect(opened.staleAfterOf('alice@example.test')).toBe(2 * HOUR);
  expect(opened.staleAfterOf('alice@example.org')).toBeUndefined();
  expect(await ask(opened, 'alice@example.test')).toMatchObject([{ periods: [] }]);
});

test('a server that is found by Autodiscover is asked there', async () => {
  const autodiscover = { url: exchange.autodiscoverUrl };
  const opened = await open(server('a', { url: undefined, autodiscover }));
  const [referral] = await ask(opened, 'alice@example.test');
  if (referral === undefined || !('servedBy' in referral)) throw new Error('no referral');
  const now = clock.now();
  const window = { start: now - HOUR, end: now + DAY };
  const answers = await referral.servedBy.freeBusy(['alice@example.test'], window, new AbortController().signal);
  expect(answers).toMatchObject([{ periods: [] }]);
  // Loads ews-javascript-api, which takes a second, and several on a busy machine.
}, 60_000);

describe('a wrong password', () => {
  test('is tried three times in all, on however many servers', async () => {
    folder.write('wrong', 'wrong\n');
    const names = Array.from({ length: 25 }, (_each, index) => `s${index}`);
    const opened = await open(
      ...names.map((name) => server(name, { domains: [`${name}.test`], passwordFile: 'wrong' })),
      server('right', { username: 'gateway', domains: ['example.test'] }),
    );
    for (let round = 0; round < 3; round++) {
      for (const name of names) await ask(opened, `a@${name}.test`).catch(() => {});
      ahead += 30 * MINUTE;
    }
    expect(exchange.requests.filter(({ status }) => status === 401)).toHaveLength(3);
    // Another secret is another account.
    expect(await ask(opened, 'alice@example.test')).toMatchObject([{ periods: [] }]);
  });

  test('is tried three times in all, in whatever ways the account is written and proves itself', async () => {
    await exchange.stop();
    exchange = await startExchangeSimulator({ schemas: '', authentication: ['ntlm', 'basic'] });
    folder.write('wrong', 'wrong\n');
    const ways: readonly Keys[] = [
      { username: 'gateway' },
      { username: 'EXAMPLE\\Gateway', auth: 'ntlm' },
      { username: 'gateway@example.test', auth: 'ntlm', channelBinding: false },
    ];
    const opened = await open(
      ...ways.map((way, index) => server(`s${index}`, { ...way, domains: [`s${index}.test`], passwordFile: 'wrong' })),
      server('right'),
    );
    for (let round = 0; round < 3; round++) {
      for (const index of ways.keys()) await ask(opened, `a@s${index}.test`).catch(() => {});
      ahead += 30 * MINUTE;
    }
    expect(exchange.account.badLogons).toBe(3);
  });
});

test.each([
  ['basic', {}],
  ['ntlm', { auth: 'ntlm' }],
  [
    'oauth',
    {
      ...{ auth: 'oauth', username: undefined, passwordFile: undefined, impersonate: 'svc@example.test' },
      oauth: {
        tenant: 'example.test',
        clientId: 'id',
        clientSecretFile: 'secret',
        scope: 'https://mail.example.test/.default',
      },
    },
  ],
] as const)(
  'a connection proves itself by %s, through the proxy and within the time that are configured',
  async (scheme, keys) => {
    const proxy = { url: 'http://proxy.test:3128', username: 'u', passwordFile: 'secret' };
    const url = 'https://mail.example.test/EWS/Exchange.asmx';
    const [one] = await configured(server('a', { ...keys, url, proxy, timeout: '5s' }));
    if (one === undefined) throw new Error('no server');
    const connection = serverConnection(one, clock);
    expect(connection.credentials.scheme).toBe(scheme);
    expect(connection).toMatchObject({
      limits: { request: 5_000 },
      proxy: { url: 'http://proxy.test:3128', password: 'secret' },
    });
  },
);
