import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { AccountTurns } from '../../../../adapters/ews/check/account-turns.ts';
import type { ServerCheckOptions } from '../../../../adapters/ews/check/check-context.ts';
import type { CheckFinding } from '../../../../adapters/ews/check/check-finding.ts';
import { checkServer } from '../../../../adapters/ews/check/server-check.ts';
import { loadEwsLibrary } from '../../../../adapters/ews/ews-library.ts';
import { basicCredentials } from '../../../../adapters/ews/http/authentication.ts';
import { systemClock } from '../../../../adapters/runtime/system-clock.ts';
import { AccountGuard } from '../../../../component/calendar/account-guard.ts';
import {
  type ExchangeSimulatorOptions,
  startExchangeSimulator,
} from '../../../support/exchange-simulator/exchange-simulator.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';

// Loading takes a second, and several on a busy machine.
beforeAll(() => loadEwsLibrary(), 60_000);

const alice = 'alice@example.com';

async function simulate(options: ExchangeSimulatorOptions = {}) {
  const simulator = await startExchangeSimulator({ impersonation: true, ...options });
  onTestFinished(() => simulator.stop());
  simulator.calendars.addMailbox(alice);
  return simulator;
}

function start(url: string, options: Partial<ServerCheckOptions> = {}) {
  return checkServer({
    url,
    credentials: basicCredentials('gateway', 'secret'),
    account: new AccountTurns(new AccountGuard(), systemClock),
    mailbox: alice,
    impersonation: true,
    notifications: true,
    clock: systemClock,
    logger: new RecordingLogger(),
    signal: new AbortController().signal,
    ...options,
  });
}

async function check(url: string, options: Partial<ServerCheckOptions> = {}) {
  const findings: CheckFinding[] = [];
  for await (const finding of start(url, options)) findings.push(finding);
  return (step: CheckFinding['step']) => findings.find((finding) => finding.step === step);
}

describe('the check of impersonation and notifications', () => {
  test('listens to the stream until its first word, and leaves no subscription behind', async () => {
    const { url, notifications, requests, rejections } = await simulate({ backends: 3 });
    const found = await check(url);
    expect(found('impersonation')).toMatchObject({ severity: 'ok', seen: expect.stringContaining(alice) });
    expect(found('streaming')).toMatchObject({ severity: 'ok', seen: expect.stringMatching(/heard after \d+ ms/) });
    expect(requests.map(({ operation }) => operation).slice(-3)).toEqual([
      'Subscribe',
      'GetStreamingEvents',
      'Unsubscribe',
    ]);
    expect(notifications.subscriptions).toEqual([]);
    expect(rejections).toEqual([]);
  });

  test('opens no stream where notifications are off', async () => {
    const { url, requests, notifications } = await simulate();
    const found = await check(url, { notifications: false });
    expect(found('impersonation')).toMatchObject({ severity: 'ok' });
    expect(found('streaming')).toBeUndefined();
    expect(requests.map(({ operation }) => operation)).not.toContain('GetStreamingEvents');
    expect(notifications.subscriptions).toEqual([]);
  });

  test('asks for nothing of the kind where the account has free/busy rights only', async () => {
    const { url, requests } = await simulate();
    const found = await check(url, { impersonation: false });
    expect(found('impersonation')).toBeUndefined();
    expect(requests.map(({ operation }) => operation)).not.toContain('Subscribe');
  });

  test('names the role that the account lacks', async () => {
    const { url } = await simulate({ impersonation: false });
    const found = await check(url);
    expect(found('impersonation')).toMatchObject({
      severity: 'error',
      seen: expect.stringContaining('ErrorImpersonateUserDenied'),
      advice: expect.stringContaining('ApplicationImpersonation'),
    });
    expect(found('streaming')).toBeUndefined();
  });

  test('warns of a stream that is held back on the way', async () => {
    const { url, faults, notifications } = await simulate();
    faults.set({ kind: 'stream-silent' });
    const found = await check(url, { streamLimit: 300 });
    expect(found('streaming')).toMatchObject({ severity: 'warning', advice: expect.stringContaining('buffering') });
    expect(notifications.subscriptions).toEqual([]);
  });

  test('shows why a stream is refused, and still gives the subscription back', async () => {
    const { url, faults, notifications } = await simulate();
    faults.set({ kind: 'stream-error', code: 'ErrorReadEventsFailed' });
    const found = await check(url);
    expect(found('streaming')).toMatchObject({
      severity: 'error',
      seen: expect.stringContaining('ErrorReadEventsFailed'),
    });
    expect(notifications.subscriptions).toEqual([]);
  });

  test('gives the subscription back when it is interrupted, whenever that is', async () => {
    const { url, faults, notifications, requests } = await simulate();
    faults.set({ kind: 'stream-silent' });
    const abort = new AbortController();
    const interrupted = (async () => {
      for await (const _ of start(url, { signal: abort.signal }));
    })();
    await expect.poll(() => notifications.streams.length, { timeout: 5_000 }).toBe(1);
    abort.abort(new Error('enough'));
    await expect(interrupted).rejects.toThrow('enough');
    expect(notifications.subscriptions).toEqual([]);

    // While Subscribe itself is under way: its answer is waited for.
    faults.clear();
    faults.set({ kind: 'slow-body', operation: 'Subscribe' });
    const second = new AbortController();
    const before = requests.length;
    const broken = (async () => {
      for await (const _ of start(url, { signal: second.signal }));
    })();
    await expect
      .poll(() => requests.slice(before).some(({ operation }) => operation === 'Subscribe'), {
        timeout: 5_000,
        interval: 5,
      })
      .toBe(true);
    second.abort(new Error('enough'));
    await expect(broken).rejects.toThrow('enough');
    expect(requests.at(-1)?.operation).toBe('Unsubscribe');
    expect(notifications.subscriptions).toEqual([]);
  });

  test('says so when the subscription can not be given back', async () => {
    const { url, faults } = await simulate();
    faults.set({ kind: 'html-error', operation: 'Unsubscribe' });
    const findings: CheckFinding[] = [];
    for await (const finding of start(url, { notifications: false })) findings.push(finding);
    expect(findings.filter(({ severity }) => severity === 'warning')).toMatchObject([
      { step: 'impersonation', seen: expect.stringMatching(/could not be given back/) },
    ]);
  });
});

describe('the check of automatic replies', () => {
  test('shows whether the mailbox has them on', async () => {
    const { url, rejections } = await simulate();
    const found = await check(url, { automaticReplies: true, impersonation: false });
    expect(found('automatic-replies')).toMatchObject({ severity: 'ok', seen: `${alice}: none` });
    expect(rejections).toEqual([]);
  });

  test('shows why they can not be asked for', async () => {
    const { url, faults } = await simulate();
    faults.set({ kind: 'fault-in-200', code: 'ErrorMailTipsDisabled', operation: 'GetMailTips' });
    const found = await check(url, { automaticReplies: true, impersonation: false });
    expect(found('automatic-replies')).toMatchObject({
      severity: 'error',
      seen: expect.stringContaining('ErrorMailTipsDisabled'),
    });
  });
});
