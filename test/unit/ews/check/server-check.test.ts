import { X509Certificate } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AccountTurns } from '../../../../adapters/ews/check/account-turns.ts';
import type { ServerCheckOptions } from '../../../../adapters/ews/check/check-context.ts';
import type { CheckFinding } from '../../../../adapters/ews/check/check-finding.ts';
import { checkServer } from '../../../../adapters/ews/check/server-check.ts';
import { loadEwsLibrary } from '../../../../adapters/ews/ews-library.ts';
import { basicCredentials } from '../../../../adapters/ews/http/authentication.ts';
import { ntlmCredentials } from '../../../../adapters/ews/ntlm/ntlm-credentials.ts';
import { systemClock } from '../../../../adapters/runtime/system-clock.ts';
import { AccountGuard } from '../../../../component/calendar/account-guard.ts';
import { DAY, MINUTE } from '../../../../component/runtime/clock.ts';
import {
  type ExchangeSimulator,
  type ExchangeSimulatorOptions,
  startExchangeSimulator,
} from '../../../support/exchange-simulator/exchange-simulator.ts';
import type { FaultSetting } from '../../../support/exchange-simulator/faults.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';
import { authority, expiredServer, goodServer, otherServer } from '../http/certificates.ts';
import { startConnectProxy } from '../http/connect-proxy.ts';
import { serve } from '../http/local-server.ts';

// Loading takes a second, and several on a busy machine.
beforeAll(() => loadEwsLibrary(), 60_000);

let simulator: ExchangeSimulator | undefined;

async function simulate(
  tls?: { key: string; cert: string },
  options: ExchangeSimulatorOptions = {},
): Promise<ExchangeSimulator> {
  simulator = await startExchangeSimulator({ ...options, ...(tls !== undefined && { tls }) });
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
    account: new AccountTurns(new AccountGuard(), systemClock),
    mailbox: 'alice@example.com',
    clock: systemClock,
    logger: new RecordingLogger(),
    signal: new AbortController().signal,
    ...options,
  });
  for await (const finding of checked) findings.push(finding);
  return findings;
}

/** The one step that failed. */
function failureOf(findings: readonly CheckFinding[]): CheckFinding | undefined {
  const failures = findings.filter(({ severity }) => severity === 'error');
  expect(failures).toHaveLength(1);
  return failures[0];
}

/** The last step, and the only one that failed. */
function lastOf(findings: readonly CheckFinding[]): CheckFinding | undefined {
  expect(findings.at(-1)).toBe(failureOf(findings));
  return findings.at(-1);
}

function step(findings: readonly CheckFinding[], name: CheckFinding['step']): CheckFinding | undefined {
  return findings.find((finding) => finding.step === name);
}

/** Those that had a password. */
function logOns(requests: ExchangeSimulator['requests']) {
  return requests.filter(({ authorization }) => authorization !== 'none');
}

describe('the check of a server', () => {
  test('shows each step of a server that is well, with its certificate and its version', async () => {
    const { url, rejections } = await simulate(goodServer);
    const findings = await check(url, { ca: authority });
    expect(findings.map(({ step, severity }) => `${step} ${severity}`)).toEqual([
      'resolve ok',
      'connect ok',
      'tls ok',
      'http ok',
      'clock ok',
      'authenticate ok',
      'free-busy ok',
      'version info',
      'throttling ok',
    ]);
    expect(step(findings, 'tls')?.seen).toMatch(
      /^TLSv1\.3, certificate for exchange\.test, .*, issued by CN=Test authority, valid until \d{4}-.* UTC, \d{3} days left$/,
    );
    expect(step(findings, 'http')?.seen).toBe('HTTP 401, as it should be: it offers Basic');
    expect(step(findings, 'authenticate')?.seen).toBe('the account is accepted (Basic authentication)');
    expect(step(findings, 'free-busy')?.seen).toBe('alice@example.com: 1 entry in the next 24 hours');
    expect(step(findings, 'version')).toMatchObject({
      seen: 'Exchange Server 2019 (15.2.1748.10)',
      advice: expect.stringContaining('2025-10-14'),
    });
    expect(JSON.stringify(findings)).not.toMatch(/secret/i);
    expect(rejections).toEqual([]);
  });

  test('says how many days a certificate has left when they are few', async () => {
    const { url } = await simulate(goodServer);
    const { validTo } = new X509Certificate(goodServer.cert);
    const clock = { ...systemClock, now: () => Date.parse(validTo) - 10.5 * DAY };
    const finding = (await check(url, { ca: authority, clock })).find(({ step }) => step === 'tls');
    expect(finding).toMatchObject({
      severity: 'warning',
      seen: expect.stringContaining('10 days left'),
      advice: expect.stringMatching(/renew/i),
    });
  });

  test('stops at a name that does not exist', async () => {
    const findings = await check('https://mail.invalid/EWS/Exchange.asmx');
    expect(findings).toMatchObject([{ step: 'resolve', severity: 'error', advice: expect.stringMatching(/DNS/) }]);
  });

  test('stops at a port where nothing listens', async () => {
    const { url, stop } = await simulate();
    await stop();
    expect(lastOf(await check(url))).toMatchObject({
      step: 'connect',
      severity: 'error',
      advice: expect.stringMatching(/IIS/),
    });
  });

  test.each([
    ['that nobody vouches for', goodServer, undefined, /`caFile`/],
    ['for another name', otherServer, authority, /other names/],
    ['that has expired', expiredServer, authority, /renew/],
  ])('stops at a certificate %s, before the password is sent', async (_name, tls, ca, advice) => {
    const { url, requests } = await simulate(tls);
    const finding = lastOf(await check(url, { ca }));
    expect(finding).toMatchObject({ step: 'tls', severity: 'error', advice: expect.stringMatching(advice) });
    expect(finding?.seen).toMatch(/certificate for .*, issued by .*not trusted/);
    expect(requests).toEqual([]);
  });

  test('stops at a server that does not speak TLS', async () => {
    const { url } = await simulate();
    const finding = lastOf(await check(url.replace('http:', 'https:')));
    expect(finding).toMatchObject({ step: 'tls', severity: 'error', advice: expect.stringMatching(/TLS/) });
  });

  test('sends a wrong password once', async () => {
    const { url, requests } = await simulate();
    const finding = failureOf(await check(url, { credentials: basicCredentials('gateway', 'wrong') }));
    expect(finding).toMatchObject({
      step: 'authenticate',
      severity: 'error',
      advice: expect.stringMatching(/user name.*password.*locked/),
    });
    expect(logOns(requests)).toHaveLength(1);
  });

  test.each([
    ['blocked', /Graph/],
    ['redirect', /browser/],
    ['html', /browser/],
    ['empty-500', /browser/],
    ['unavailable', /throttling/],
    ['hang', /services.*timeout/],
    ['cut-body', /load balancer.*cuts connections/],
  ] as const)('stops at the log-on with an advice when Exchange answers "%s"', async (kind, advice) => {
    const { url, faults } = await simulate();
    faults.set({ kind });
    expect(failureOf(await check(url, { limits: { headers: 300 } }))).toMatchObject({
      step: 'authenticate',
      severity: 'error',
      advice: expect.stringMatching(advice),
    });
  });

  test('takes a fault of EWS itself for an accepted log-on, and asks no more', async () => {
    const { url, faults, requests } = await simulate();
    faults.set({ kind: 'busy-fault' });
    expect(failureOf(await check(url))).toMatchObject({
      step: 'free-busy',
      severity: 'error',
      seen: expect.stringContaining('ErrorServerBusy'),
    });
    expect(logOns(requests)).toHaveLength(1);
  });

  test('goes on to the version when only the mailbox can not be seen', async () => {
    const { url, calendars } = await simulate();
    calendars.addMailbox('alice@example.com', { access: 'none' });
    expect((await check(url)).slice(6)).toMatchObject([
      {
        step: 'free-busy',
        severity: 'error',
        seen: expect.stringContaining('ErrorNoFreeBusyAccess'),
        advice: expect.stringMatching(/-Identity 'alice@example\.com:\\Calendar' .*AvailabilityOnly/),
      },
      { step: 'version', severity: 'info' },
      { step: 'throttling', severity: 'ok' },
    ]);
    const unknown = step(await check(url, { mailbox: 'nobody@example.com' }), 'free-busy');
    expect(unknown).toMatchObject({
      step: 'free-busy',
      severity: 'error',
      advice: expect.stringMatching(/nobody@example.com/),
    });
  });

  test.each<[FaultSetting['kind'], CheckFinding['step'], CheckFinding['severity']]>([
    ['unauthorized', 'authenticate', 'error'],
    ['html-error', 'authenticate', 'error'],
    ['cut-body', 'authenticate', 'error'],
    ['fault-in-200', 'free-busy', 'error'],
    ['too-many-connections', 'free-busy', 'error'],
    ['wrong-count', 'free-busy', 'error'],
    ['busy-in-200', 'free-busy', 'error'],
    ['unknown-busy-type', 'free-busy', 'warning'],
    ['slow-body', 'free-busy', 'ok'],
  ])('comes to an end, and to this one, when the fault is "%s": %s %s', async (kind, where, severity) => {
    const { url, faults } = await simulate();
    faults.set({ kind } as FaultSetting);
    const finding = step(await check(url), where);
    expect(finding).toMatchObject({ severity });
    if (severity === 'error') expect(finding?.advice).toBeTruthy();
  });

  test('shows a certificate that has expired with its date', async () => {
    const { url } = await simulate(expiredServer);
    const { validTo } = new X509Certificate(expiredServer.cert);
    const day = new Date(validTo).toISOString().slice(0, 10);
    expect(lastOf(await check(url, { ca: authority }))?.seen).toContain(`expired on ${day}`);
  });

  test('goes through a proxy, and says what is on the way', async () => {
    const { url } = await simulate(goodServer);
    const proxy = await startConnectProxy();
    const findings = await check(url, { ca: authority, proxy: { url: proxy.url } });
    expect(step(findings, 'connect')?.seen).toContain(`port ${new URL(proxy.url).port}`);
    expect(step(findings, 'proxy')).toMatchObject({ severity: 'ok', seen: expect.stringContaining('127.0.0.1') });
    expect(step(findings, 'tls')?.severity).toBe('ok');
    expect(step(findings, 'free-busy')?.severity).toBe('ok');
  });

  test('advises on the proxy, and not on Exchange, when nothing listens at its address', async () => {
    const { url } = await simulate(goodServer);
    const finding = lastOf(await check(url, { ca: authority, proxy: { url: 'http://127.0.0.1:1' } }));
    expect(finding).toMatchObject({ step: 'connect', severity: 'error', seen: expect.stringMatching(/^the proxy /) });
    expect(finding?.advice).toContain('proxy.url');
    expect(finding?.advice).not.toContain('IIS');
  });

  test('stops at a proxy that asks for a log-in, before Exchange hears of us', async () => {
    const { url, requests } = await simulate(goodServer);
    const proxy = await startConnectProxy({
      refuse: (_request, socket) => {
        socket.end('HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n');
        return true;
      },
    });
    const finding = lastOf(await check(url, { ca: authority, proxy: { url: proxy.url } }));
    expect(finding).toMatchObject({ step: 'proxy', seen: expect.stringMatching(/407.*user name/) });
    expect(requests).toEqual([]);
  });

  test('shows that a log-on by NTLM is bound to the TLS connection', async () => {
    const { url } = await simulate(goodServer, {
      authentication: ['negotiate', 'ntlm'],
      extendedProtection: 'require',
    });
    const credentials = ntlmCredentials('EXAMPLE\\gateway', 'secret', { channelBinding: true });
    const findings = await check(url, { ca: authority, credentials, channelBinding: true });
    expect(step(findings, 'http')?.seen).toMatch(/Negotiate, NTLM$/);
    expect(step(findings, 'authenticate')).toMatchObject({ severity: 'ok', seen: expect.stringContaining('bound to') });
  });

  test('warns when the server does not offer what is configured, and lets the log-on decide', async () => {
    const { url } = await simulate(undefined, { authentication: ['ntlm'] });
    const findings = await check(url);
    expect(step(findings, 'http')).toMatchObject({
      severity: 'warning',
      seen: expect.stringMatching(/offers NTLM, and not what is configured \(basic\)/),
    });
    expect(failureOf(findings)).toMatchObject({
      step: 'authenticate',
      seen: expect.stringContaining('not enabled'),
      advice: expect.stringMatching(/^Switch it on .*BasicAuthentication/),
    });
  });

  test('finds out whether the account is let in without a mailbox to ask for', async () => {
    const { url, rejections } = await simulate();
    const findings = await check(url, { mailbox: undefined, domain: 'example.com', impersonation: true });
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(step(findings, 'authenticate')?.severity).toBe('ok');
    for (const left of ['free-busy', 'impersonation'] as const) {
      const { severity, seen, advice } = step(findings, left) ?? {};
      expect(severity).toBe('info');
      expect(`${seen} ${advice}`).toMatch(/not checked.*sampleMailbox/);
    }
    expect(rejections).toEqual([]);
    const refused = await check(url, { mailbox: undefined, credentials: basicCredentials('gateway', 'wrong') });
    expect(failureOf(refused)).toMatchObject({ step: 'authenticate' });
  });

  test.each([
    ['ErrorMailboxLogonFailed', /Get-MailboxDatabase/],
    ['ErrorProxyRequestProcessingFailed', /another server.*Test-OutlookWebServices/],
    ['ErrorADUnavailable', /domain controllers/],
    ['ErrorOrganizationNotFederated', /another organisation/],
    ['ErrorProxyRequestNotAllowed', /Another server has alice@example\.com/],
    ['ErrorFreeBusyGenerationFailed', /Exchange services/],
  ])('advises on what %s of a mailbox means', async (code, advice) => {
    const { url, faults } = await simulate();
    faults.set({ kind: 'mailbox-error', mailbox: 'alice@example.com', code });
    expect(failureOf(await check(url))).toMatchObject({
      step: 'free-busy',
      seen: `alice@example.com: ${code}`,
      advice: expect.stringMatching(advice),
    });
  });

  test('names the ways in which the server was busy', async () => {
    const { url, faults } = await simulate();
    faults.set({ kind: 'busy-in-200', backOff: 12_345 });
    expect(step(await check(url), 'throttling')).toMatchObject({
      severity: 'warning',
      seen: expect.stringMatching(/ErrorServerBusy.*BackOffMilliseconds 12345/),
      advice: expect.stringContaining('New-ThrottlingPolicy'),
    });
  });

  test('shows the budget that a server or a proxy counts', async () => {
    const { url } = await serve((request, response) => {
      const status = request.method === 'POST' ? 503 : 401;
      response
        .writeHead(status, { 'x-ratelimit-limit': '100', 'x-ratelimit-remaining': '0', 'retry-after': '7' })
        .end();
    });
    expect(step(await check(url), 'throttling')).toMatchObject({
      severity: 'warning',
      seen: expect.stringMatching(/HTTP 503, Retry-After 7.*; x-ratelimit-limit: 100, x-ratelimit-remaining: 0$/),
    });
  });

  test.each([
    [-20 * MINUTE, 'warning', /behind ours/],
    [20 * MINUTE, 'warning', /ahead of ours/],
    [-MINUTE, 'ok', /behind ours/],
    [0, 'ok', /agree/],
  ])('compares the clocks (%i ms)', async (ahead, severity, seen) => {
    const { url } = await serve((_request, response) => {
      response.writeHead(401, { date: new Date(Date.now() + ahead).toUTCString(), 'www-authenticate': 'Basic' }).end();
    });
    expect(step(await check(url), 'clock')).toMatchObject({ severity, seen: expect.stringMatching(seen) });
  });

  test.each<[number, Record<string, string>, CheckFinding['severity'], RegExp]>([
    [
      302,
      { location: 'https://login.example/form?token=abc' },
      'warning',
      /302 to https:\/\/login\.example\/form instead/,
    ],
    [404, {}, 'warning', /no EWS/],
    [200, { 'content-type': 'text/html' }, 'warning', /HTML page/],
    [503, {}, 'warning', /503/],
    [403, { 'x-ews-policy-reason': 'EwsDisabled' }, 'error', /blocks EWS.*EwsDisabled/],
  ])('says what stands there when it is HTTP %i %j', async (status, headers, severity, seen) => {
    const { url } = await serve((_request, response) => response.writeHead(status, headers).end());
    const finding = step(await check(url), 'http');
    expect(finding).toMatchObject({ severity, seen: expect.stringMatching(seen), advice: expect.any(String) });
    expect(finding?.seen).not.toContain('token');
  });

  test('waits for no step for ever', async () => {
    const { url } = await serve(() => {});
    const hung = await check(url, { limits: { headers: 50 } });
    expect(lastOf(hung)).toMatchObject({
      step: 'http',
      severity: 'error',
      seen: expect.stringMatching(/no answer in time/),
    });
  });

  test('ends with the reason when aborted', async () => {
    const abort = new AbortController();
    const { url } = await serve(() => abort.abort(new Error('enough')));
    await expect(check(url, { signal: abort.signal })).rejects.toThrow('enough');
  });
});
