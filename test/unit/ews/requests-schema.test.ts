// Every request that the adapter can send, by the official schemas. Those of Autodiscover are not among these.

import { describe, expect, test } from 'vitest';
import { writeGetMailTips } from '../../../adapters/ews/automatic-replies/get-mail-tips.ts';
import { askOofSettings } from '../../../adapters/ews/automatic-replies/oof-settings.ts';
import { AccountTurns } from '../../../adapters/ews/check/account-turns.ts';
import type { AccountContext } from '../../../adapters/ews/check/check-context.ts';
import { ThrottlingSigns } from '../../../adapters/ews/check/throttling-signs.ts';
import { checkVersion } from '../../../adapters/ews/check/version-check.ts';
import { writeGetUserAvailability } from '../../../adapters/ews/get-user-availability.ts';
import { basicCredentials } from '../../../adapters/ews/http/authentication.ts';
import type { EwsTransport } from '../../../adapters/ews/http/ews-transport.ts';
import { writeGetStreamingEvents } from '../../../adapters/ews/streaming/get-streaming-events.ts';
import { subscribe, unsubscribe } from '../../../adapters/ews/streaming/subscribe.ts';
import { systemClock } from '../../../adapters/runtime/system-clock.ts';
import { AccountGuard } from '../../../component/calendar/account-guard.ts';
import { answersWindow } from '../../support/availability-answers.ts';
import { validateEws } from '../../support/exchange-simulator/schema.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const schemas = process.env.EWS_SCHEMAS ?? '';
const ALICE = "alice.o'neill&co@example.com";
const affinity = { anchor: ALICE, cookie: undefined };
const signal = new AbortController().signal;

function ofCheck({ transport, clock }: { transport: EwsTransport; clock: typeof systemClock }): AccountContext {
  const account = new AccountTurns(new AccountGuard(), clock);
  const credentials = basicCredentials('gateway', 'secret');
  const { url } = transport;
  const logger = new RecordingLogger();
  return { transport, clock, account, credentials, url, logger, signal, mailbox: ALICE, requestLimit: 10_000 };
}

/** The body of the request that is sent; its answer is of no use. */
async function sentBy(
  send: (context: { transport: EwsTransport; clock: typeof systemClock; limit: number }) => unknown,
) {
  let sent = '';
  const transport: EwsTransport = {
    url: 'https://mail.example.com/EWS/Exchange.asmx',
    post({ body }) {
      sent = body;
      return Promise.reject(new Error('no answer'));
    },
    close: () => Promise.resolve(),
  };
  await Promise.resolve(send({ transport, clock: systemClock, limit: 10_000 })).catch(() => undefined);
  return sent;
}

describe.skipIf(schemas === '')('by the official schemas (skipped unless EWS_SCHEMAS names their folder)', () => {
  test.each([
    ['GetUserAvailabilityRequest', () => writeGetUserAvailability([ALICE, 'bob@example.com'], answersWindow)],
    ['ExchangeImpersonation', () => writeGetUserAvailability([ALICE], answersWindow, { impersonate: ALICE })],
    ['GetStreamingEvents', () => writeGetStreamingEvents(['JAB<&>', 'JAC='], 30, ALICE)],
    ['GetMailTips', () => writeGetMailTips([ALICE, 'bob@example.com'], ALICE, ALICE)],
    ['Subscribe', () => sentBy((context) => subscribe(context, ALICE, affinity, signal))],
    ['Unsubscribe', () => sentBy((context) => unsubscribe(context, ALICE, 'JAB<&>', affinity, signal))],
    ['GetUserAvailabilityRequest', () => sentBy((context) => checkVersion(ofCheck(context), new ThrottlingSigns()))],
    ['GetUserOofSettingsRequest', () => sentBy((context) => askOofSettings({ ...context, signal }, ALICE))],
  ])(
    'a request with %s is valid',
    async (element, write) => {
      const request = await write();
      expect(request).toMatch(new RegExp(`<\\w+:${element}[ >]`));
      expect(validateEws(request, schemas)).toEqual([]);
    },
    30_000,
  );
});
