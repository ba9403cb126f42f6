import { describe, expect, test } from 'vitest';
import type { UserSettings } from '../../../../adapters/ews/autodiscover/get-user-settings.ts';
import { locateMailboxes, type MailboxLocation } from '../../../../adapters/ews/autodiscover/locate-mailboxes.ts';
import { trustedHosts } from '../../../../adapters/ews/autodiscover/trusted-hosts.ts';
import { CalendarSourceError } from '../../../../component/calendar/calendar-source-error.ts';

const service = (domain: string) => `https://autodiscover.${domain}/autodiscover/autodiscover.svc`;
const ews = (host: string) => `https://${host}/EWS/Exchange.asmx`;

function found(url: string, group?: string): UserSettings {
  return { kind: 'found', url, group, version: undefined };
}

type Say = (address: string, service: string) => UserSettings;

/** What becomes of each mailbox: its address, or the kind of its error; and the requests that it took. */
async function locate(mailboxes: readonly string[], say: Say, hosts: readonly string[] = []) {
  const results: Record<string, MailboxLocation | CalendarSourceError> = {};
  const requests: [string, number][] = [];
  const options = {
    trusts: trustedHosts({ hosts, domains: [] }),
    serviceOf: (domain: string) =>
      domain === 'none.test'
        ? Promise.reject(new CalendarSourceError('unreachable', 'none'))
        : Promise.resolve(service(domain)),
    ask: (url: string, addresses: readonly string[]) => {
      requests.push([url, addresses.length]);
      try {
        return Promise.resolve(addresses.map((address) => say(address, url)));
      } catch (error) {
        return Promise.reject(error as Error);
      }
    },
    onLocation: (mailbox: string, result: MailboxLocation | CalendarSourceError) => {
      results[mailbox] = result;
    },
  };
  await locateMailboxes(mailboxes, options, new AbortController().signal);
  const shown = Object.entries(results).map(([mailbox, result]) => [
    mailbox,
    result instanceof CalendarSourceError ? `${result.kind}: ${result.message}` : result.url,
  ]);
  return { results: Object.fromEntries(shown) as Record<string, string>, requests };
}

describe('where a mailbox is', () => {
  test('is asked of its domain’s service, for many at once', async () => {
    const mailboxes = Array.from({ length: 120 }, (_each, index) => `u${index}@${index < 110 ? 'a' : 'b'}.test`);
    const { results, requests } = await locate(mailboxes, (address) =>
      found(ews(`mail.${address.endsWith('a.test') ? 'a' : 'b'}.test`)),
    );
    expect(Object.keys(results)).toHaveLength(120);
    expect(results['u119@b.test']).toBe(ews('mail.b.test'));
    expect(requests).toEqual([
      [service('a.test'), 50],
      [service('a.test'), 50],
      [service('a.test'), 10],
      [service('b.test'), 10],
    ]);
  });

  test('may be known to another service', async () => {
    const other = 'https://eu.a.test/autodiscover/autodiscover.svc';
    const { results } = await locate(['x@a.test'], (_address, url) =>
      url === other ? found(ews('eu.a.test')) : { kind: 'redirect-url', url: other.replace('.svc', '.xml') },
    );
    expect(results['x@a.test']).toBe(ews('eu.a.test'));
  });

  test('may be known under another address', async () => {
    const { results, requests } = await locate(['x@a.test'], (address) =>
      address === 'y@eu.a.test' ? found(ews('eu.a.test')) : { kind: 'redirect-address', address: 'Y@EU.a.test' },
    );
    expect(results['x@a.test']).toBe(ews('eu.a.test'));
    expect(requests.map(([url]) => url)).toEqual([service('a.test'), service('eu.a.test')]);
  });
});

describe('what leads astray is an error for that mailbox alone', () => {
  const astray: Readonly<Record<string, UserSettings>> = {
    host: found(ews('attacker.example')),
    plain: found('http://mail.a.test/EWS/Exchange.asmx'),
    account: found('https://u:p@mail.a.test/EWS'),
    garbage: found('mail'),
    service: { kind: 'redirect-url', url: 'https://attacker.example/autodiscover/autodiscover.svc' },
    'plain-service': { kind: 'redirect-url', url: 'http://eu.a.test/autodiscover/autodiscover.svc' },
    'account-service': { kind: 'redirect-url', url: 'https://u:p@eu.a.test/autodiscover/autodiscover.svc' },
    domain: { kind: 'redirect-address', address: 'x@attacker.example' },
    circle: { kind: 'redirect-address', address: 'circle@a.test' },
    unknown: { kind: 'error', error: new CalendarSourceError('mailbox-not-found', 'InvalidUser') },
  };

  test.each([
    ['host', /^access-denied: .*attacker\.example.*autodiscover\.hosts$/],
    ['plain', /^malformed: .*https/],
    ['account', /^malformed: /],
    ['garbage', /^malformed: /],
    ['service', /^access-denied: .*attacker\.example/],
    ['plain-service', /^malformed: .*without https/],
    ['account-service', /^malformed: .*with an account/],
    ['domain', /^access-denied: .*attacker\.example/],
    ['circle', /^malformed: .*circle/],
    ['unknown', /^mailbox-not-found: /],
  ])('%s', async (name, expected) => {
    const mailboxes = [`${name}@a.test`, 'alice@a.test'];
    const { results, requests } = await locate(mailboxes, (address) => {
      return astray[address.slice(0, address.indexOf('@'))] ?? found(ews('mail.a.test'));
    });
    expect(results[`${name}@a.test`]).toMatch(expected);
    expect(results['alice@a.test']).toBe(ews('mail.a.test'));
    expect(requests.filter(([url]) => !url.includes('a.test/'))).toEqual([]);
  });

  test('a chain of redirects ends after ten', async () => {
    let step = 0;
    const { results, requests } = await locate(['x@a.test'], () => ({
      kind: 'redirect-address',
      address: `x${step++}@a.test`,
    }));
    expect(results['x@a.test']).toMatch(/^malformed: .*more than 10/);
    expect(requests).toHaveLength(11);
  });

  test('only the service of the mailbox’s own address may say that there is no such mailbox', async () => {
    const { results } = await locate(['x@a.test'], (address) =>
      address === 'x@a.test'
        ? { kind: 'redirect-address', address: 'x@eu.a.test' }
        : { kind: 'error', error: new CalendarSourceError('mailbox-not-found', 'InvalidUser') },
    );
    expect(results['x@a.test']).toMatch(/^unreachable: /);
  });
});

describe('a service that fails', () => {
  const fail = (kind: 'throttled' | 'unauthorized' | 'proxy-unauthorized') => () => {
    throw new CalendarSourceError(kind, kind);
  };

  test('fails the whole when there is no other', async () => {
    await expect(locate(['x@a.test', 'x@none.test'], fail('throttled'))).rejects.toMatchObject({ kind: 'throttled' });
    await expect(locate(['x@none.test'], () => found(ews('a')))).rejects.toMatchObject({ kind: 'unreachable' });
  });

  test('is no trouble for other domains', async () => {
    const { results } = await locate(['x@none.test', 'x@a.test'], () => found(ews('mail.a.test')));
    expect(results).toEqual({ 'x@none.test': 'unreachable: none', 'x@a.test': ews('mail.a.test') });
  });

  test.each(['unauthorized', 'proxy-unauthorized'] as const)(
    'to refuse the password (%s) is the last that gets it',
    async (kind) => {
      const asked: string[] = [];
      const refuse: Say = (_address, url) => {
        asked.push(url);
        return fail(kind)();
      };
      await expect(locate(['x@a.test', 'x@b.test'], refuse)).rejects.toMatchObject({ kind });
      expect(asked).toEqual([service('a.test')]);
    },
  );
});
