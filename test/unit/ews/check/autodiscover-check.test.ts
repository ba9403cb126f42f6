import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DiscoveryNetwork } from '../../../../adapters/ews/autodiscover/discovery-network.ts';
import { AccountTurns } from '../../../../adapters/ews/check/account-turns.ts';
import { type AutodiscoverCheckOptions, checkAutodiscover } from '../../../../adapters/ews/check/autodiscover-check.ts';
import type { CheckFinding } from '../../../../adapters/ews/check/check-finding.ts';
import { loadEwsLibrary } from '../../../../adapters/ews/ews-library.ts';
import { basicCredentials } from '../../../../adapters/ews/http/authentication.ts';
import { systemClock } from '../../../../adapters/runtime/system-clock.ts';
import { AccountGuard } from '../../../../component/calendar/account-guard.ts';
import { makeAuthority } from '../../../support/certificate.ts';
import {
  type ExchangeSimulator,
  startExchangeSimulator,
} from '../../../support/exchange-simulator/exchange-simulator.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';
import { authority, expiredServer, goodServer, otherServer } from '../http/certificates.ts';

let simulator: ExchangeSimulator;
const alice = 'alice@example.test';

beforeAll(() => loadEwsLibrary(), 60_000);

beforeEach(async () => {
  simulator = await startExchangeSimulator({ schemas: '' });
  simulator.calendars.addMailbox(alice);
});

afterEach(() => simulator.stop());

async function serveOverTls(tls: typeof goodServer): Promise<void> {
  await simulator.stop();
  simulator = await startExchangeSimulator({ schemas: '', tls });
  simulator.calendars.addMailbox(alice);
}

function check(options: Partial<AutodiscoverCheckOptions> = {}, password = 'secret', ca = authority) {
  const credentials = basicCredentials('gateway', password);
  return checkAutodiscover({
    service: simulator.autodiscoverUrl,
    hosts: [],
    domains: ['example.test'],
    mailbox: alice,
    impersonate: undefined,
    connection: { credentials, clock: systemClock, limits: { request: 5_000 }, ca },
    account: new AccountTurns(new AccountGuard(), systemClock),
    logger: new RecordingLogger(),
    signal: new AbortController().signal,
    ...options,
  });
}

function stepsOf(findings: readonly CheckFinding[]): readonly string[] {
  return findings.map(({ service, step, severity }) => [service, step, severity].filter(Boolean).join(' '));
}

describe('the check of Autodiscover', () => {
  test('shows who has answered and which server it has named', async () => {
    const { findings, url } = await check();
    expect(url).toBe(simulator.url);
    const { host } = new URL(simulator.autodiscoverUrl);
    expect(stepsOf(findings)).toEqual([
      ...['autodiscover resolve ok', 'autodiscover connect ok', 'autodiscover tls ok'],
      'autodiscover ok',
    ]);
    expect(findings.at(-1)?.seen).toBe(
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
    expect(findings.at(-1)).toMatchObject({
      ...{ step: 'autodiscover', severity: 'error' },
      ...{ seen: expect.stringMatching(seen), advice: expect.stringMatching(advice) },
    });
  });

  test.each([
    ['where nothing is', (url: string) => url.replace(/svc$/, 'xml')],
    ['of EWS', (url: string) => url.replace(/autodiscover\/.*/, 'EWS/Exchange.asmx')],
  ])('advises on autodiscover.url when it is an address %s', async (_what, mistake) => {
    const { findings } = await check({ service: mistake(simulator.autodiscoverUrl) });
    expect(findings.at(-1)).toMatchObject({
      severity: 'error',
      seen: expect.not.stringContaining('EWS'),
      advice: expect.stringMatching(/autodiscover\.url.*autodiscover\.svc/),
    });
  });

  test('sends a wrong password once', async () => {
    const { findings } = await check({}, 'mistaken');
    expect(findings.at(-1)).toMatchObject({ severity: 'error', advice: expect.stringMatching(/password/) });
    expect(simulator.requests.filter(({ authorization }) => authorization === 'wrong')).toHaveLength(1);
  });

  test('finds the service of the mail domain without a mailbox, looks at its certificate, and logs on nowhere', async () => {
    await serveOverTls(goodServer);
    const { host } = new URL(simulator.autodiscoverUrl);
    const network: DiscoveryNetwork = {
      // What stands at the mail domain leads to a host that is trusted.
      get: async (url) => {
        if (url.host === host) return { status: 401, headers: new Map() };
        const isFirst = url.host === 'example.test';
        const location = simulator.autodiscoverUrl.replace('http:', 'https:');
        return { status: isFirst ? 302 : 404, headers: new Map(isFirst ? [['location', location]] : []) };
      },
      srv: async () => [],
    };
    const { hostname } = new URL(simulator.autodiscoverUrl);
    const { findings, url } = await check({ service: undefined, mailbox: undefined, network, hosts: [hostname] });
    expect(url).toBeUndefined();
    expect(findings.slice(-3)).toMatchObject([
      { service: 'autodiscover', step: 'tls', severity: 'ok', seen: expect.stringMatching(/issued by .*days left$/) },
      { step: 'autodiscover', severity: 'ok', seen: `the service of example.test is ${simulator.autodiscoverUrl}` },
      { step: 'free-busy', severity: 'info', advice: expect.stringContaining('sampleMailbox') },
    ]);
    expect(simulator.requests).toEqual([]);
  });

  test.each([
    ['that nobody vouches for', goodServer, makeAuthority().ca, /`caFile`/],
    ['that has expired', expiredServer, authority, /expired on .*/],
    ['for another name', otherServer, authority, /other\.test/],
  ])('stops at a certificate %s, before the password is sent', async (_what, certificate, ca, said) => {
    await serveOverTls(certificate);
    const { findings, url } = await check({}, 'secret', ca);
    expect(url).toBeUndefined();
    expect(stepsOf(findings)).toEqual([
      ...['autodiscover resolve ok', 'autodiscover connect ok', 'autodiscover tls error'],
    ]);
    expect(`${findings.at(-1)?.seen} ${findings.at(-1)?.advice}`).toMatch(said);
    expect(simulator.requests).toEqual([]);
  });

  test('says that nothing listens at the configured address', async () => {
    const { autodiscoverUrl: service } = simulator;
    await simulator.stop();
    const { findings } = await check({ service });
    expect(stepsOf(findings)).toEqual(['autodiscover resolve ok', 'autodiscover connect error']);
    expect(findings.at(-1)?.advice).toBeTruthy();
  });

  test('looks at each service to which it is led, once', async () => {
    const second = await startExchangeSimulator({ schemas: '', tls: goodServer });
    try {
      await serveOverTls(goodServer);
      second.calendars.addMailbox(alice);
      simulator.autodiscover.set(alice, { redirectUrl: second.autodiscoverUrl });
      const { findings, url } = await check();
      expect(url).toBe(second.url);
      const tls = findings.filter(({ service, step }) => service === 'autodiscover' && step === 'tls');
      expect(tls).toHaveLength(2);
      const [first, other] = [simulator, second].map(({ autodiscoverUrl }) => new URL(autodiscoverUrl).host);
      expect(findings.at(-1)?.seen).toContain(`(asked: ${first}, then ${other})`);
    } finally {
      await second.stop();
    }
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
