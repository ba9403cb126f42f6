import { describe, expect, test } from 'vitest';
import { discoverService } from '../../../../adapters/ews/autodiscover/discover-service.ts';
import type { DiscoveryNetwork, Head, SrvRecord } from '../../../../adapters/ews/autodiscover/discovery-network.ts';
import { trustedHosts } from '../../../../adapters/ews/autodiscover/trusted-hosts.ts';
import { CalendarSourceError } from '../../../../component/calendar/calendar-source-error.ts';

const SVC = '/autodiscover/autodiscover.svc';
const XML = '/autodiscover/autodiscover.xml';
const asks: Head = { status: 401, headers: new Map([['www-authenticate', 'NTLM']]) };
const says: Head = { status: 401, headers: new Map([['x-soap-enabled', 'True']]) };
const page: Head = { status: 200, headers: new Map() };

function to(location: string, status = 302): Head {
  return { status, headers: new Map([['location', location]]) };
}

type World = {
  readonly pages: Readonly<Record<string, Head | (() => Head)>>;
  readonly records?: readonly SrvRecord[];
  readonly hosts?: readonly string[];
};

/** What is found, and in which order places were asked. */
async function discover({ pages, records = [], hosts = [] }: World) {
  const asked: string[] = [];
  const network: DiscoveryNetwork = {
    get: ({ href }) => {
      asked.push(href);
      const head = pages[href];
      if (head !== undefined) return Promise.resolve().then(() => (typeof head === 'function' ? head() : head));
      return Promise.reject(new CalendarSourceError('unreachable', 'x: nobody is there'));
    },
    srv: (name) => {
      asked.push(name);
      return Promise.resolve(records);
    },
  };
  const trusts = trustedHosts({ hosts, domains: [] });
  const { signal } = new AbortController();
  const found = await discoverService('example.com', {
    network,
    signal,
    trusts: (host) => trusts(host, 'example.com'),
  }).catch((error: unknown) => error);
  return { found, asked };
}

const bare = `https://example.com${SVC}`;
const usual = `https://autodiscover.example.com${SVC}`;
const plain = `http://autodiscover.example.com${XML}`;

describe('an Autodiscover service is looked for', () => {
  test('at the domain first, and that is enough', async () => {
    expect(await discover({ pages: { [bare]: says } })).toEqual({ found: bare, asked: [bare] });
  });

  test('no further when the proxy refuses its account: each place would be one more wrong password', async () => {
    const refuse = (): Head => {
      throw new CalendarSourceError('proxy-unauthorized', 'the proxy asks for a log-in');
    };
    const { found, asked } = await discover({ pages: { [bare]: refuse, [usual]: says } });
    expect(found).toMatchObject({ kind: 'proxy-unauthorized' });
    expect(asked).toEqual([bare]);
    const late = await discover({ pages: { [plain]: refuse } });
    expect(late.found).toMatchObject({ kind: 'proxy-unauthorized' });
    expect(late.asked).toEqual([bare, usual, plain]);
  });

  test('past a web site at the domain that only asks for a log-in', async () => {
    expect((await discover({ pages: { [bare]: asks, [usual]: asks } })).found).toBe(usual);
    expect((await discover({ pages: { [bare]: asks } })).found).toMatchObject({
      message: expect.stringContaining('example.com: HTTP 401, but no sign of Autodiscover'),
    });
  });

  test('below it, past a web site that knows nothing of it', async () => {
    expect(await discover({ pages: { [bare]: page, [usual]: asks } })).toEqual({ found: usual, asked: [bare, usual] });
  });

  test('where plain http leads, if that is in the domain', async () => {
    const there = `https://mail.example.com${SVC}`;
    const world = { [plain]: to(`https://mail.example.com${XML}`), [there]: asks };
    expect((await discover({ pages: world })).found).toBe(there);
  });

  test('where DNS says, the best first', async () => {
    const records = [
      { name: 'second.example.com', port: 443, priority: 20 },
      { name: 'first.example.com', port: 8443, priority: 10 },
    ];
    const [first, second] = [`https://first.example.com:8443${SVC}`, `https://second.example.com${SVC}`];
    const { found, asked } = await discover({ pages: { [second]: asks }, records });
    expect(found).toBe(second);
    expect(asked).toEqual([bare, usual, plain, '_autodiscover._tcp.example.com', first, second]);
  });

  test('where https leads', async () => {
    const there = `https://eu.example.com${SVC}`;
    const pages = { [bare]: to(`https://eu.example.com${XML}`, 307), [there]: asks };
    expect(await discover({ pages })).toEqual({ found: there, asked: [bare, there] });
  });
});

describe('nobody is asked', () => {
  test.each<readonly [string, World, string]>([
    [
      'whom plain http names outside of the domain',
      { pages: { [plain]: to(`https://attacker.example${XML}`) } },
      'attacker.example',
    ],
    [
      'whom https names outside of the domain',
      { pages: { [bare]: to('https://attacker.example/') } },
      'attacker.example',
    ],
    [
      'whom DNS names outside of the domain',
      { pages: {}, records: [{ name: 'attacker.example', port: 443, priority: 1 }] },
      'attacker.example',
    ],
    ['without https', { pages: { [bare]: to(`http://mail.example.com${SVC}`) } }, 'http://mail.example.com'],
    ['with an account in the address', { pages: { [bare]: to(`https://a:b@mail.example.com${SVC}`) } }, 'a:b@'],
  ])('%s', async (_what, world, place) => {
    const { found, asked } = await discover(world);
    expect(found).toMatchObject({ kind: 'unreachable' });
    expect(asked.filter((url) => url.includes(place))).toEqual([]);
  });

  test('but those that the configuration names', async () => {
    const there = `https://mail.hoster.example${SVC}`;
    const pages = { [plain]: to(`https://mail.hoster.example${XML}`), [there]: asks };
    expect((await discover({ pages, hosts: ['*.hoster.example'] })).found).toBe(there);
  });

  test('twice, or for ever', async () => {
    const circle = await discover({ pages: { [bare]: to(usual), [usual]: to(bare) } });
    expect(circle.found).toMatchObject({ kind: 'unreachable', message: expect.stringContaining('in a circle') });
    let step = 0;
    const next = () => to(`https://example.com/${step++}${SVC}`);
    const pages = new Proxy({}, { get: (_target, url) => (String(url).startsWith('https:') ? next : undefined) });
    const endless = await discover({ pages });
    expect(endless.found).toMatchObject({ message: expect.stringContaining('more than 10 redirects') });
    expect(endless.asked.length).toBeLessThan(16);
  });
});

test('the failure tells what was seen where', async () => {
  const { found } = await discover({ pages: { [bare]: page, [plain]: to(`https://mail.hoster.example${XML}`) } });
  expect(found).toMatchObject({
    kind: 'unreachable',
    message:
      'No Autodiscover service was found for example.com (example.com: HTTP 200; autodiscover.example.com: nobody is there; ' +
      'mail.hoster.example: not in the mail domain: add it to autodiscover.hosts if it is yours)',
  });
});
