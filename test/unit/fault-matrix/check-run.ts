import { setTimeout as sleep } from 'node:timers/promises';
import { AccountTurns } from '../../../adapters/ews/check/account-turns.ts';
import type { CheckFinding } from '../../../adapters/ews/check/check-finding.ts';
import { checkServer } from '../../../adapters/ews/check/server-check.ts';
import { AccountGuard } from '../../../component/calendar/account-guard.ts';
import { MINUTE, SECOND } from '../../../component/runtime/clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { addressOf, type FaultyExchange } from './exchange.ts';
import { settle } from './traffic.ts';

const LONGEST = 10 * MINUTE;

/** What a check of a server finds, with Dave's mailbox for a sample. */
export async function runCheck(
  exchange: FaultyExchange,
  { automaticReplies }: { readonly automaticReplies: boolean },
): Promise<readonly CheckFinding[]> {
  const { clock, connection } = exchange;
  const findings: CheckFinding[] = [];
  const ending = new AbortController();
  const collect = async (): Promise<void> => {
    const found = checkServer({
      ...connection,
      account: new AccountTurns(new AccountGuard(), clock),
      mailbox: addressOf('dave'),
      impersonation: true,
      notifications: true,
      automaticReplies,
      logger: new RecordingLogger(),
      signal: ending.signal,
    });
    for await (const finding of found) findings.push(finding);
  };
  let isDone = false;
  const collected = collect().finally(() => {
    isDone = true;
  });
  const limit = clock.now() + LONGEST;
  while (!isDone) {
    if (clock.now() > limit) ending.abort(new Error('A check has no end'));
    await settle(exchange.hanging);
    if (exchange.hanging !== undefined) clock.advance(SECOND);
    // Connections that are being made are nobody's requests: time goes by slowly enough for them.
    else if (exchange.askedAt.length === 0) {
      await sleep(1);
      clock.advance(25);
    } else clock.advance(250);
  }
  await collected;
  return findings;
}
