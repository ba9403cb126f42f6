import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
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

describe('one budget', () => {
  test('serves all that ask the same server with the same account, in whatever way that is written', async () => {
    folder.write('another', 'another\n');
    const far = 'https://mail.example.test/EWS/Exchange.asmx';
    const opened = await open(
      server('a', { domains: ['example.test'], concurrency: 7 }),
      server('b', { domains: ['b.test'], url: exchange.url.replace('asmx', 'ASMX'), concurrency: 3 }),
      server('c', { domains: ['c.test'], username: 'EXAMPLE\\gateway', auth: 'ntlm' }),
      server('other-account', { domains: ['d.test'], passwordFile: 'another' }),
      server('other-server', { domains: ['e.test'], url: 'http://127.0.0.1:9/EWS/Exchange.asmx' }),
      server('far', { domains: ['f.test'], url: far }),
      server('far-by-proxy', { domains: ['g.test'], url: far, proxy: { url: 'http://127.0.0.1:9' } }),
    );
    const [a, b, c, ...others] = ['example', ...'bcdefg'].map((name) => opened.route(`x@${name}.test`)?.budget);
    expect(b).toBe(a);
    expect(c).toBe(a);
    expect(new Set([a, ...others]).size).toBe(5);
    const now = clock.now();
    for (let i = 0; i < 8; i++) await a?.run({ now: () => now }, async () => undefined);
    expect(a?.limit).toBe(3);
  });

  test('serves a server with a fixed address and the same one by Autodiscover', async () => {
    const autodiscover = { url: exchange.autodiscoverUrl };
    const opened = await open(
      server('fixed', { domains: ['fixed.test'] }),
      server('found', { url: undefined, autodiscover, domains: ['example.test'] }),
    );
    const [referral] = await ask(opened, 'alice@example.test');
    if (referral === undefined || !('servedBy' in referral)) throw new Error('no referral');
    expect(referral.servedBy.budget).toBe(opened.route('x@fixed.test')?.budget);
    expect(opened.route('alice@example.test')?.budget).not.toBe(referral.servedBy.budget);
  }, 60_000);
});

test('a mailbox that a server does not have goes to the next whose rules fit, Autodiscover among them', async () => {
  const autodiscover = { url: exchange.autodiscoverUrl };
  const opened = await open(
    server('listed', { mailboxes: ['alice@example.test'] }),
    server('rest', { url: undefined, autodiscover }),
    server('stranger', { domains: ['stranger.test'] }),
  );
  const listed = opened.route('alice@example.test');
  const rest = opened.route('alice@example.test', listed);
  expect([listed?.name, rest?.name]).toEqual(['listed', 'rest (Autodiscover)']);
  expect(opened.route('alice@example.test', rest)).toBe(listed);
});

test('three refusals by a proxy close it for all servers behind it, with its account alone', async () => {
  let refusals = 0;
  const proxy = createServer().on('connect', (_request, socket) => {
    refusals++;
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nconnection: close\r\n\r\n');
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => void proxy.close());
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  folder.write('one', 'one\n');
  const names = ['a', 'b', 'c', 'd'];
  const opened = await open(
    ...names.map((name) =>
      server(name, {
        domains: [`${name}.test`],
        username: `svc-${name}`,
        url: 'https://mail.example.test/EWS/Exchange.asmx',
        proxy: { url, username: 'gateway', passwordFile: 'secret' },
      }),
    ),
    server('other-account', {
      domains: ['e.test'],
      url: 'https://mail.example.test/EWS/Exchange.asmx',
      proxy: { url, username: 'other', passwordFile: 'one' },
    }),
    server('direct', { domains: ['example.test'] }),
  );
  for (let round = 0; round < 3; round++) {
    for (const name of names) await ask(opened, `x@${name}.test`).catch(() => {});
    ahead += 2 * HOUR;
  }
  expect(refusals).toBe(3);
  const budgetOf = (name: string) => opened.route(`x@${name}.test`)?.budget;
  expect(names.map((name) => budgetOf(name)?.closedBy?.kind)).toEqual(names.map(() => 'proxy-unauthorized'));
  expect(budgetOf('e')?.closedBy).toBeUndefined();
  expect(await ask(opened, 'alice@example.test')).toMatchObject([{ periods: [] }]);
});

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
