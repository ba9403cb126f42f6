import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type AutodiscoverFinderOptions,
  createAutodiscoverFinder,
} from '../../../../adapters/ews/autodiscover/autodiscover-finder.ts';
import type { ClosableSource } from '../../../../adapters/ews/autodiscover/endpoint-source.ts';
import { createEwsCalendarSource } from '../../../../adapters/ews/ews-calendar-source.ts';
import { loadEwsLibrary } from '../../../../adapters/ews/ews-library.ts';
import { basicCredentials } from '../../../../adapters/ews/http/authentication.ts';
import {
  createEwsTransport,
  type EwsTransport,
  type EwsTransportOptions,
} from '../../../../adapters/ews/http/ews-transport.ts';
import { systemClock } from '../../../../adapters/runtime/system-clock.ts';
import { AccountGuard } from '../../../../component/calendar/account-guard.ts';
import type { CalendarSource, FreeBusyAnswer } from '../../../../component/calendar/calendar-source.ts';
import { RequestBudget } from '../../../../component/calendar/request-budget.ts';
import { DAY, HOUR, MINUTE } from '../../../../component/runtime/clock.ts';
import {
  type ExchangeSimulator,
  startExchangeSimulator,
} from '../../../support/exchange-simulator/exchange-simulator.ts';
import { type AfterMove, Organisation } from '../../../support/exchange-simulator/organisation.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';

let old: ExchangeSimulator;
let fresh: ExchangeSimulator;
let finder: ClosableSource;
/** What the finder's clock is ahead of the machine's. */
let ahead = 0;
const groupsOf = new Map<string, (mailbox: string) => string | undefined>();
const opened: string[] = [];

const alice = 'alice@example.test';
const clock = { now: () => systemClock.now() + ahead, after: systemClock.after.bind(systemClock) };

// Loading takes a second, and several on a busy machine.
beforeAll(() => loadEwsLibrary(), 60_000);

beforeEach(async () => {
  ahead = 0;
  opened.length = 0;
  const organisation = new Organisation();
  old = await startExchangeSimulator({ schemas: '', organisation });
  fresh = await startExchangeSimulator({ schemas: '', organisation });
  for (const name of ['alice', 'bob', 'carol']) old.calendars.addMailbox(`${name}@example.test`);
  finder = open();
});

afterEach(async () => {
  await finder.close();
  await old.stop();
  await fresh.stop();
});

function open(options: Partial<AutodiscoverFinderOptions> = {}): ClosableSource {
  const logger = new RecordingLogger();
  const connection = { credentials: basicCredentials('gateway', 'secret'), clock, limits: { request: 5_000 } };
  const account = new AccountGuard();
  return createAutodiscoverFinder({
    ...{ name: 'hq', url: old.autodiscoverUrl, hosts: [], connection, logger, account, random: () => 0.5 },
    openEndpoint: (endpoint) => {
      opened.push(endpoint.name);
      groupsOf.set(endpoint.url, endpoint.groupOf);
      return createEwsCalendarSource({ ...connection, ...endpoint, budget: budgetOf(account), concurrency: 2, logger });
    },
    ...options,
  });
}

function budgetOf(account: AccountGuard): RequestBudget {
  return new RequestBudget({ concurrency: 2, random: () => 0.5, account });
}

async function ask(source: CalendarSource, ...mailboxes: readonly string[]) {
  const now = systemClock.now();
  const window = { start: now - HOUR, end: now + DAY };
  return await source.freeBusy(mailboxes, window, new AbortController().signal);
}

/** Follows referrals as the lanes do, at most so often. */
async function askThrough(mailbox: string, most = 6): Promise<FreeBusyAnswer & { readonly by: CalendarSource }> {
  let source: CalendarSource = finder;
  for (let step = 0; step < most; step++) {
    const [answer] = await ask(source, mailbox);
    if (answer === undefined) throw new Error('no answer');
    if (!('servedBy' in answer)) return { ...answer, by: source };
    source = answer.servedBy;
  }
  throw new Error('to and fro');
}

function lookUps(): number {
  return old.requests.filter(({ operation }) => operation === 'GetUserSettingsRequestMessage').length;
}

describe('a mailbox', () => {
  test('is referred to the source of its server, which answers', async () => {
    const answer = await askThrough(alice);
    expect(answer).toMatchObject({ mailbox: alice, periods: [] });
    expect(answer.by.name).toBe(`hq (127.0.0.1:${old.port})`);
    expect(old.rejections).toEqual([]);
  });

  test('is looked for once a day', async () => {
    await askThrough(alice);
    await askThrough(alice);
    expect(lookUps()).toBe(1);
    ahead = DAY;
    const { by } = await askThrough(alice);
    expect(lookUps()).toBe(2);
    expect(by.name).toBe(opened[0]);
    expect(opened).toHaveLength(1);
  });

  test('of a server shares its source with the others there, and has a group', async () => {
    old.moveMailbox('bob@example.test', fresh);
    const answers = await ask(finder, alice, 'bob@example.test', 'carol@example.test');
    const sources = answers.map((answer) => ('servedBy' in answer ? answer.servedBy : undefined));
    expect(sources[0]).toBe(sources[2]);
    expect(sources[1]).not.toBe(sources[0]);
    expect(lookUps()).toBe(1);
    expect(groupsOf.get(fresh.url)?.('bob@example.test')).toBe(`Default-First-Site-Name:127.0.0.1:${fresh.port}`);
  });

  test('that nobody knows is not found, and one that can not be is not even asked for', async () => {
    const [nobody, never] = await ask(finder, 'nobody@example.test', 'a\u0001b@example.test');
    expect(nobody).toMatchObject({ error: { kind: 'mailbox-not-found' } });
    expect(never).toMatchObject({ error: { kind: 'mailbox-not-found' } });
    expect(old.requests.at(-1)?.mailboxes).toEqual(['nobody@example.test']);
  });
});

describe('a mailbox that has moved', () => {
  test.each<AfterMove>(['proxy-not-allowed', 'not-found', '302', '451'])('is found again: %s', async (afterMove) => {
    const [before] = await ask(finder, alice);
    old.moveMailbox(alice, fresh, afterMove);
    const source = (before as { servedBy: CalendarSource }).servedBy;
    const [back, stays] = await ask(source, alice, 'bob@example.test');
    expect(back).toMatchObject({ mailbox: alice, servedBy: finder });
    // The source has not been told of this one by the finder.
    expect(stays).toMatchObject({ servedBy: finder });
    const answer = await askThrough(alice);
    expect(answer).toMatchObject({ periods: [] });
    expect(answer.by.name).toBe(`hq (127.0.0.1:${fresh.port})`);
  });

  test('leaves those in peace that stayed, also when whole requests are redirected', async () => {
    const [before] = await ask(finder, alice, 'bob@example.test', 'carol@example.test');
    const source = (before as { servedBy: CalendarSource }).servedBy;
    for (const mailbox of [alice, 'carol@example.test']) old.moveMailbox(mailbox, fresh, '302');
    expect(await ask(source, alice, 'bob@example.test', 'carol@example.test')).toMatchObject(
      [1, 2, 3].map(() => ({ servedBy: finder })),
    );
    const answer = await askThrough('bob@example.test');
    expect(answer).toMatchObject({ periods: [] });
    expect(answer.by).toBe(source);
    expect((await askThrough(alice)).by).not.toBe(source);
  });

  test('is not sent to and fro where the server redirects all that Autodiscover sends there', async () => {
    const [before] = await ask(finder, alice, 'bob@example.test');
    const source = (before as { servedBy: CalendarSource }).servedBy;
    for (const mailbox of [alice, 'bob@example.test']) {
      old.moveMailbox(mailbox, fresh, '302');
      old.autodiscover.set(mailbox, { settings: { ExternalEwsUrl: old.url, InternalEwsUrl: old.url } });
    }
    for (let round = 0; round < 3; round++) {
      await ask(source, alice, 'bob@example.test');
      await ask(finder, alice, 'bob@example.test');
    }
    expect(await ask(finder, alice, 'bob@example.test')).toMatchObject(
      [1, 2].map(() => ({ error: { kind: 'wrong-server', code: 'CONTRADICTION' } })),
    );
    expect(lookUps()).toBe(3);
  });

  test('leaves those in peace that stayed', async () => {
    const [before] = await ask(finder, alice, 'bob@example.test');
    old.moveMailbox(alice, fresh);
    const answers = await ask((before as { servedBy: CalendarSource }).servedBy, alice, 'bob@example.test');
    expect(answers[1]).toMatchObject({ mailbox: 'bob@example.test', periods: [] });
  });

  test('without Autodiscover knowing is not sent to and fro, and not given up', async () => {
    old.moveMailbox(alice, fresh);
    old.autodiscover.set(alice, { settings: { ExternalEwsUrl: old.url } });
    const lost = await askThrough(alice);
    expect(lost).toMatchObject({ error: { kind: 'wrong-server', code: 'CONTRADICTION', retryAfter: 10 * MINUTE } });
    const asked = lookUps();
    expect(await askThrough(alice)).toMatchObject({ error: { kind: 'wrong-server' } });
    expect(lookUps()).toBe(asked);

    old.autodiscover.delete(alice);
    ahead = 11 * MINUTE;
    expect(await askThrough(alice)).toMatchObject({ periods: [] });
  });
});

describe('Autodiscover in trouble', () => {
  test('is asked no more after a refused password, for the whole account', async () => {
    await finder.close();
    finder = open({ connection: { credentials: basicCredentials('gateway', 'wrong'), clock } });
    for (let attempt = 0; attempt < 5; attempt++) {
      await expect(ask(finder, alice)).rejects.toMatchObject({ name: 'CalendarSourceError' });
      ahead += HOUR;
    }
    expect(finder.budget.closedBy).toMatchObject({ kind: 'unauthorized' });
    expect(old.requests.filter(({ status }) => status === 401)).toHaveLength(3);
  });

  test('leads nowhere that is not trusted', async () => {
    old.autodiscover.set(alice, { settings: { ExternalEwsUrl: 'https://attacker.example/EWS/Exchange.asmx' } });
    expect(await askThrough(alice)).toMatchObject({ error: { kind: 'access-denied', code: 'UNTRUSTED_HOST' } });
    expect(opened).toEqual([]);
  });

  test('is back when it is back', async () => {
    old.faults.set({ kind: 'refuse-connections' });
    await expect(ask(finder, alice)).rejects.toMatchObject({ kind: 'unreachable' });
    expect(finder.budget.slots(clock.now())).toBe(0);
    old.faults.clear();
    ahead = MINUTE;
    expect(await askThrough(alice)).toMatchObject({ periods: [] });
  });

  test('that is found by the domain is asked there', async () => {
    await finder.close();
    const asked: string[] = [];
    const service = 'https://autodiscover.example.test/autodiscover/autodiscover.svc';
    const network = {
      get: ({ href }: URL) => {
        asked.push(href);
        return Promise.resolve({ status: href === service ? 401 : 404, headers: new Map<string, string>() });
      },
      srv: () => Promise.resolve([]),
    };
    finder = open({
      ...{ url: undefined, hosts: ['127.0.0.1'], network },
      openTransport: (options) =>
        createEwsTransport({ ...options, url: options.url.replace(service, old.autodiscoverUrl) }),
    });
    expect(await askThrough(alice)).toMatchObject({ periods: [] });
    expect(await askThrough('bob@example.test')).toMatchObject({ periods: [] });
    expect(asked).toEqual(['https://example.test/autodiscover/autodiscover.svc', service]);
  });

  /** A finder for several mail domains; those that `get` says nothing of have no service. */
  async function openForDomains(options: Partial<AutodiscoverFinderOptions>, get: (domain: string) => Promise<number>) {
    await finder.close();
    const network = {
      get: async ({ hostname }: URL) => {
        const status = await get(hostname);
        return { status, headers: new Map(status === 401 ? [['x-soap-enabled', 'True']] : []) };
      },
      srv: () => Promise.resolve([]),
    };
    finder = open({ ...{ url: undefined, hosts: ['127.0.0.1'], network }, ...options });
  }

  function transportOf(options: EwsTransportOptions): EwsTransport {
    return createEwsTransport({ ...options, url: old.autodiscoverUrl });
  }

  test('for one domain, without end, is no trouble for the others', async () => {
    const hasty = {
      ...clock,
      after: (delay: number, run: () => void) => clock.after(delay > MINUTE ? 500 : delay, run),
    };
    const connection = { credentials: basicCredentials('gateway', 'secret'), clock: hasty, limits: { request: 5_000 } };
    await openForDomains({ connection, openTransport: transportOf }, (domain) =>
      domain === 'example.test' ? Promise.resolve(401) : new Promise(() => {}),
    );
    const [answer, none] = await ask(finder, alice, 'x@dead.test');
    expect(answer).toHaveProperty('servedBy');
    expect(none).toMatchObject({ error: { kind: 'unreachable', code: 'TIMEOUT' } });
    await expect(ask(finder, 'x@dead.test')).rejects.toMatchObject({ kind: 'unreachable', code: 'TIMEOUT' });
  });

  test('to be a web site that refuses the account, for one domain, is no trouble for the others', async () => {
    await using site = Object.assign(
      await startExchangeSimulator({ schemas: '', account: { username: 'x', password: 'x' } }),
      {
        [Symbol.asyncDispose]: () => site.stop(),
      },
    );
    await openForDomains(
      {
        openTransport: (options) =>
          createEwsTransport({
            ...options,
            url: options.url.includes('b.test') ? site.autodiscoverUrl : old.autodiscoverUrl,
          }),
      },
      () => Promise.resolve(401),
    );
    expect(await askThrough(alice)).toMatchObject({ periods: [] });
    for (let round = 0; round < 5; round++) {
      const [mailbox, answer] = [`u${round}@b.test`, ask(finder, `u${round}@b.test`)];
      if (round === 0) await expect(answer).rejects.toMatchObject({ code: 'SERVICE_REFUSES' });
      else expect(await answer).toMatchObject([{ mailbox, error: { kind: 'access-denied', code: 'SERVICE_REFUSES' } }]);
      ahead += 10 * MINUTE;
    }
    expect(site.requests.filter(({ status }) => status === 401)).toHaveLength(1);
    expect(finder.budget.closedBy).toBeUndefined();
    expect(await askThrough('bob@example.test')).toMatchObject({ periods: [] });
  });

  test('to find it for a domain is not looked for again at once', async () => {
    const seen: string[] = [];
    await openForDomains({ openTransport: transportOf }, (domain) => {
      seen.push(domain);
      return Promise.resolve(domain === 'example.test' ? 401 : 404);
    });
    const lookedFor = () => seen.filter((domain) => domain === 'dead.test').length;
    for (let round = 0; round < 3; round++) {
      const answers = await ask(finder, `u${round}@example.test`, 'x@dead.test');
      expect(answers[1]).toMatchObject({ error: { kind: 'unreachable', code: 'NO_AUTODISCOVER' } });
    }
    expect(lookedFor()).toBe(1);
    ahead = 5 * MINUTE;
    await ask(finder, 'u3@example.test', 'x@dead.test');
    expect(lookedFor()).toBe(2);
  });

  test('with very many services never closes one that is being asked', async () => {
    let isSlow = false;
    const closed: string[] = [];
    let letGo = () => {};
    const slow = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    await openForDomains(
      {
        openTransport: (options) => {
          const transport = transportOf(options);
          const { hostname } = new URL(options.url);
          return {
            url: options.url,
            post: async (request, sink) => {
              if (isSlow && hostname === 'd1.test') await slow;
              return transport.post(request, sink);
            },
            close: () => {
              closed.push(hostname);
              return transport.close();
            },
          };
        },
      },
      () => Promise.resolve(401),
    );
    await ask(finder, 'x@d0.test');
    isSlow = true;
    const first = ask(finder, 'x@d1.test');
    for (let index = 2; index < 60; index++) await ask(finder, `x@d${index}.test`);
    letGo();
    expect(closed).toContain('d0.test');
    expect(closed).not.toContain('d1.test');
    expect(await first).toMatchObject([{ error: { kind: 'mailbox-not-found' } }]);
  });
});
