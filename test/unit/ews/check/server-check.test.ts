import { X509Certificate } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { basicCredentials } from '../../../adapters/ews/authentication.ts';
import type { CheckFinding } from '../../../adapters/ews/check-finding.ts';
import { loadEwsLibrary } from '../../../adapters/ews/ews-library.ts';
import { checkServer, type ServerCheckOptions } from '../../../adapters/ews/server-check.ts';
import { describeVersion } from '../../../adapters/ews/server-version.ts';
import { systemClock } from '../../../adapters/runtime/system-clock.ts';
import { DAY } from '../../../component/runtime/clock.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { authority, expiredServer, goodServer, otherServer } from './certificates.ts';
import { serve } from './local-server.ts';

// Loading takes a second, and several on a busy machine.
beforeAll(() => loadEwsLibrary(), 60_000);

let simulator: ExchangeSimulator | undefined;

async function simulate(tls?: { key: string; cert: string }): Promise<ExchangeSimulator> {
  simulator = await startExchangeSimulator(tls === undefined ? {} : { tls });
  simulator.calendars.addMailbox('alice@example.com');
  const now = Date.now();
  simulator.calendars.book('alice@example.com', { start: now, end: now + 3_600_000, subject: 'Secret plans' });
  return simulator;
}

afterEach(async () => {
  await simulator?.stop();
  simulator = undefined;
});

async function check(url: string, options: Partial<ServerCheckOptions> = {}): Promise<CheckFinding[]> {
  const findings: CheckFinding[] = [];
  const checked = checkServer({
    url,
    credentials: basicCredentials('gateway', 'secret'),
    mailbox: 'alice@example.com',
    clock: systemClock,
    logger: new RecordingLogger(),
    signal: new AbortController().signal,
    ...options,
  });
  for await (const finding of checked) findings.push(finding);
  return findings;
}

/** The last step, which alone may have failed. */
function lastOf(findings: readonly CheckFinding[]): CheckFinding | undefined {
  expect(findings.slice(0, -1).every(({ ok }) => ok)).toBe(true);
  return findings.at(-1);
}

describe('the check of a server', () => {
  test('shows each step of a server that is well, with its certificate and its version', async () => {
    const { url, rejections } = await simulate(goodServer);
    const findings = await check(url, { ca: authority });
    expect(findings.map(({ step, ok }) => `${step} ${ok}`)).toEqual([
      'resolve true',
      'connect true',
      'tls true',
      'authenticate true',
      'free-busy true',
      'version true',
    ]);
    expect(findings[2]?.seen).toMatch(
      /^TLSv1\.3, certificate for exchange\.test, .*, issued by CN=Test authority, \d{3} days left$/,
    );
    expect(findings[4]?.seen).toBe('alice@example.com: 1 entry in the next 24 hours');
    expect(findings[5]?.seen).toBe('Exchange Server 2019 (15.2.1748.10)');
    expect(findings.some(({ advice }) => advice !== undefined)).toBe(false);
    expect(JSON.stringify(findings)).not.toMatch(/secret/i);
    expect(rejections).toEqual([]);
  });

  test('says how many days a certificate has left when they are few', async () => {
    const { url } = await simulate(goodServer);
    const { validTo } = new X509Certificate(goodServer.cert);
    const clock = { ...systemClock, now: () => Date.parse(validTo) - 10.5 * DAY };
    const finding = (await check(url, { ca: authority, clock })).find(({ step }) => step === 'tls');
    expect(finding).toMatchObject({
      ok: true,
      seen: expect.stringContaining('10 days left'),
      advice: expect.stringMatching(/renew/i),
    });
  });

  test('stops at a name that does not exist', async () => {
    const findings = await check('https://mail.invalid/EWS/Exchange.asmx');
    expect(findings).toMatchObject([{ step: 'resolve', ok: false, advice: expect.stringMatching(/DNS/) }]);
  });

  test('stops at a port where nothing listens', async () => {
    const { url, stop } = await simulate();
    await stop();
    expect(lastOf(await check(url))).toMatchObject({
      step: 'connect',
      ok: false,
      advice: expect.stringMatching(/IIS/),
    });
  });

  test.each([
    ['that nobody vouches for', goodServer, undefined, /`ca`/],
    ['for another name', otherServer, authority, /other names/],
    ['that has expired', expiredServer, authority, /renew/],
  ])('stops at a certificate %s, before the password is sent', async (_name, tls, ca, advice) => {
    const { url, requests } = await simulate(tls);
    const finding = lastOf(await check(url, { ca }));
    expect(finding).toMatchObject({ step: 'tls', ok: false, advice: expect.stringMatching(advice) });
    expect(finding?.seen).toMatch(/certificate for .*, issued by .*not trusted/);
    expect(requests).toEqual([]);
  });

  test('stops at a server that does not speak TLS', async () => {
    const { url } = await simulate();
    const finding = lastOf(await check(url.replace('http:', 'https:')));
    expect(finding).toMatchObject({ step: 'tls', ok: false, advice: expect.stringMatching(/TLS/) });
  });

  test('sends a wrong password once', async () => {
    const { url, requests } = await simulate();
    const finding = lastOf(await check(url, { credentials: basicCredentials('gateway', 'wrong') }));
    expect(finding).toMatchObject({
      step: 'authenticate',
      ok: false,
      advice: expect.stringMatching(/password.*Basic/s),
    });
    expect(requests).toHaveLength(1);
  });

  test.each([
    ['blocked', /Graph/],
    ['redirect', /browser/],
    ['html', /browser/],
    ['empty-500', /browser/],
    ['unavailable', /throttling/],
  ] as const)('stops at the log-on with an advice when Exchange answers "%s"', async (kind, advice) => {
    const { url, faults } = await simulate();
    faults.set({ kind });
    expect(lastOf(await check(url))).toMatchObject({
      step: 'authenticate',
      ok: false,
      advice: expect.stringMatching(advice),
    });
  });

  test('takes a fault of EWS itself for an accepted log-on, and asks no more', async () => {
    const { url, faults, requests } = await simulate();
    faults.set({ kind: 'busy-fault' });
    expect(lastOf(await check(url))).toMatchObject({
      step: 'free-busy',
      ok: false,
      seen: expect.stringContaining('ErrorServerBusy'),
    });
    expect(requests).toHaveLength(1);
  });

  test('goes on to the version when only the mailbox can not be seen', async () => {
    const { url, calendars } = await simulate();
    calendars.addMailbox('alice@example.com', { access: 'none' });
    expect((await check(url)).slice(4)).toMatchObject([
      {
        step: 'free-busy',
        ok: false,
        seen: expect.stringContaining('ErrorNoFreeBusyAccess'),
        advice: expect.stringMatching(/AvailabilityOnly/),
      },
      { step: 'version', ok: true },
    ]);
    const [, , , , unknown] = await check(url, { mailbox: 'nobody@example.com' });
    expect(unknown).toMatchObject({
      step: 'free-busy',
      ok: false,
      advice: expect.stringMatching(/nobody@example.com/),
    });
  });

  test('waits for no step for ever', async () => {
    const { url } = await serve(() => {});
    const hung = await check(url, { limits: { headers: 50 } });
    expect(lastOf(hung)).toMatchObject({
      step: 'authenticate',
      ok: false,
      seen: expect.stringMatching(/no answer in time/),
    });
  });

  test('ends with the reason when aborted', async () => {
    const abort = new AbortController();
    const { url } = await serve(() => abort.abort(new Error('enough')));
    await expect(check(url, { signal: abort.signal })).rejects.toThrow('enough');
  });
});

describe('the version', () => {
  test.each([
    [15, 20, 9000, 1, 'Exchange Online (15.20.9000.1)'],
    [15, 2, 2562, 17, 'Exchange Server SE (15.2.2562.17)'],
    [15, 2, 1544, 9, 'Exchange Server 2019 (15.2.1544.9)'],
    [15, 1, 2507, 6, 'Exchange Server 2016 (15.1.2507.6)'],
    [15, 0, 1497, 2, 'Exchange Server 2013 (15.0.1497.2)'],
    [14, 3, 513, 0, 'Exchange Server 2010 (14.3.513.0)'],
    [8, 3, 83, 6, 'Exchange Server 2007 (8.3.83.6)'],
    [99, 0, 0, 0, 'An unknown version of Exchange (99.0.0.0)'],
  ])('%i.%i.%i.%i is %s', (MajorVersion, MinorVersion, MajorBuildNumber, MinorBuildNumber, name) => {
    expect(describeVersion({ MajorVersion, MinorVersion, MajorBuildNumber, MinorBuildNumber })).toBe(name);
  });
});
