import { setTimeout as sleep } from 'node:timers/promises';
import { AccountTurns } from '../../../adapters/ews/check/account-turns.ts';
import { type AutodiscoverCheck, checkAutodiscover } from '../../../adapters/ews/check/autodiscover-check.ts';
import { AccountGuard } from '../../../component/calendar/account-guard.ts';
import { SECOND } from '../../../component/runtime/clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { addressOf } from './exchange.ts';
import type { Moves } from './moves.ts';
import { settle } from './traffic.ts';

/** What a check finds of Autodiscover, with Dave's mailbox for a sample. */
export async function checkAutodiscoverOf({ old, autodiscoverUrl }: Moves): Promise<AutodiscoverCheck> {
  const { clock } = old;
  const { url: _, ...connection } = old.connection;
  let isDone = false;
  const checked = checkAutodiscover({
    ...{ service: autodiscoverUrl, hosts: [], domains: [], mailbox: addressOf('dave'), impersonate: undefined },
    account: new AccountTurns(new AccountGuard(), clock),
    logger: new RecordingLogger(),
    signal: new AbortController().signal,
    connection,
  }).finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await settle(old.hanging);
    await sleep(1);
    clock.advance(old.hanging === undefined ? 25 : SECOND);
  }
  return await checked;
}
