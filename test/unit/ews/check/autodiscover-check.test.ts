import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DiscoveryNetwork } from '../../../../adapters/ews/autodiscover/discovery-network.ts';
import { AccountTurns } from '../../../../adapters/ews/check/account-turns.ts';
import { type AutodiscoverCheckOptions, checkAutodiscover } from '../../../../adapters/ews/check/autodiscover-check.ts';
import { loadEwsLibrary } from '../../../../adapters/ews/ews-library.ts';
import { basicCredentials } from '../../../../adapters/ews/http/authentication.ts';
import { systemClock } from '../../../../adapters/runtime/system-clock.ts';
import { AccountGuard } from '../../../../component/calendar/account-guard.ts';
import {
  type ExchangeSimulator,
  startExchangeSimulator,
} from '../../../support/exchange-simulator/exchange-simulator.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';

let simulator: ExchangeSimulator;
const alice = 'alice@example.test';

beforeAll(() => loadEwsLibrary(), 60_000);

beforeEach(async () => {
  simulator = await startExchangeSimulator({ schemas: '' });
  simulator.calendars.addMailbox(alice);
});

afterEach(() => simulator.stop());

function check(options: Partial<AutodiscoverCheckOptions> = {}, password = 'secret') {
  return checkAutodiscover({
    service: simulator.autodiscoverUrl,
    hosts: [],
    domains: ['example.test'],
    mailbox: alice,
    impersonate: undefined,
    connection: { credentials: basicCredentials('gateway', password), clock: systemClock, limits: { request: 5_000 } },
    account: new AccountTurns(new AccountGuard(), systemClock),
    logger: new RecordingLogger(),
    signal: new AbortController().signal,
    ...options,
  });
}

describe('the check of Autodiscover', () => {
  test('shows who has answered and which server it has named', async () => {
    const { findings, url } = await check();
    expect(url).toBe(simulator.url);
    const { host } = new URL(simulator.autodiscoverUrl);
    expect(findings).toMatchObject([{ step: 'autodiscover', severity: 'ok' }]);
    expect(findings[0]?.seen).toBe(
      `${alice} is on ${simulator.url}, in the group Default-First-Site-Name:${host} (asked: ${host})`,
    );
  });

  test.each([
    ['of which it does not know', 'nobody@example.test', /InvalidUser/, /nobody@example\.test/],
    ['that it sends elsewhere', 'moved@example.test', /evil\.example/, /autodiscover\.hosts/],
  ])('says what is wrong with a mailbox %s', async (_what, mailbox, seen, advice) => {
    simulator.autodiscover.set('moved@example.test', {
      redirectUrl: 'https://evil.example/autodiscover/autodiscover.svc',
    });
    const { findings, url } = await check({ mailbox });
    expect(url).toBeUndefined();
    expect(findings).toMatchObject([
      { severity: 'error', seen: expect.stringMatching(seen), advice: expect.stringMatching(advice) },
    ]);
  });

  test.each([
    ['where nothing is', (url: string) => url.replace(/svc$/, 'xml')],
    ['of EWS', (url: string) => url.replace(/autodiscover\/.*/, 'EWS/Exchange.asmx')],
  ])('advises on autodiscover.url when it is an address %s', async (_what, mistake) => {
    const { findings } = await check({ service: mistake(simulator.autodiscoverUrl) });
    expect(findings).toMatchObject([
      {
        severity: 'error',
        seen: expect.not.stringContaining('EWS'),
        advice: expect.stringMatching(/autodiscover\.url.*autodiscover\.svc/),
      },
    ]);
  });

  test('sends a wrong password once', async () => {
    const { findings } = await check({}, 'mistaken');
    expect(findings).toMatchObject([{ severity: 'error', advice: expect.stringMatching(/password/) }]);
    expect(simulator.requests.filter(({ authorization }) => authorization === 'wrong')).toHaveLength(1);
  });

  test('finds the service of the mail domain without a mailbox, and logs on nowhere', async () => {
    const network: DiscoveryNetwork = {
      get: async ({ host }) => ({ status: host === 'autodiscover.example.test' ? 401 : 404, headers: new Map() }),
      srv: async () => [],
    };
    const { findings, url } = await check({ service: undefined, mailbox: undefined, network });
    expect(url).toBeUndefined();
    expect(findings).toMatchObject([
      { step: 'autodiscover', severity: 'ok', seen: expect.stringContaining('https://autodiscover.example.test/') },
      { step: 'free-busy', severity: 'info', seen: expect.stringContaining('sampleMailbox') },
    ]);
    expect(simulator.requests).toEqual([]);
  });

  test('lists the places where no service was found', async () => {
    const network: DiscoveryNetwork = { get: async () => ({ status: 404, headers: new Map() }), srv: async () => [] };
    const { findings } = await check({ service: undefined, network });
    expect(findings).toMatchObject([
      {
        severity: 'error',
        seen: expect.stringMatching(/example\.test: HTTP 404; autodiscover\.example\.test: HTTP 404/),
        advice: expect.stringContaining('autodiscover.url'),
      },
    ]);
  });
});
