// Every request that the adapter can send, by the official schemas. Those of Autodiscover are not among these.

import { describe, expect, test } from 'vitest';
import { writeGetMailTips } from '../../../adapters/ews/automatic-replies/get-mail-tips.ts';
import { askOofSettings } from '../../../adapters/ews/automatic-replies/oof-settings.ts';
import type { EwsTransport } from '../../../adapters/ews/ews-transport.ts';
import { writeGetUserAvailability } from '../../../adapters/ews/get-user-availability.ts';
import { writeGetStreamingEvents } from '../../../adapters/ews/streaming/get-streaming-events.ts';
import { subscribe, unsubscribe } from '../../../adapters/ews/streaming/subscribe.ts';
import { systemClock } from '../../../adapters/runtime/system-clock.ts';
import { answersWindow } from '../../support/availability-answers.ts';
import { validateEws } from '../../support/exchange-simulator/schema.ts';

const schemas = process.env.EWS_SCHEMAS ?? '';
const ALICE = "alice.o'neill&co@example.com";
const affinity = { anchor: ALICE, cookie: undefined };
const signal = new AbortController().signal;

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
