import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { availabilityRequest, post } from '../../support/exchange-simulator/availability-client.ts';
import { type ExchangeSimulator, startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import type { FaultSetting } from '../../support/exchange-simulator/faults.ts';

const schemas = process.env.EWS_SCHEMAS;

// The schemas are Microsoft's and not part of this repository: EWS_SCHEMAS names a folder that has them.
describe.skipIf(schemas === undefined)(
  'by the official schemas (skipped unless EWS_SCHEMAS names their folder)',
  () => {
    const folder = schemas as string;
    let validate: (xml: string) => readonly string[];
    let exchange: ExchangeSimulator;

    beforeAll(async () => {
      const { validateEws } = await import('../../support/exchange-simulator/schema.ts');
      validate = (xml) => validateEws(xml, folder);
      exchange = await startExchangeSimulator({ schemas: folder });
      exchange.calendars.addMailbox('director@example.test', { access: 'none' });
      exchange.calendars.addMailbox('bob@example.test');
      exchange.calendars.addMailbox('alice@example.test');
      for (const status of ['Free', 'Tentative', 'Busy', 'OOF', 'WorkingElsewhere', 'NoData'] as const) {
        const span = { start: new Date('2026-01-09T10:00:00Z'), end: new Date('2026-01-09T11:00:00Z') };
        exchange.calendars.book('alice@example.test', { ...span, status, subject: 'Secret' });
      }
    });

    afterAll(async () => {
      await exchange.stop();
    });

    test('a valid message has no problems, an invalid one has them with their lines', () => {
      expect(validate(availabilityRequest())).toEqual([]);
      expect(validate(availabilityRequest({ view: 'Everything' }))).toEqual([
        expect.stringMatching(/^line 2: .*RequestedView.*Everything/),
        expect.anything(),
      ]);
      expect(validate('<not-well-formed')).not.toEqual([]);
      expect(validate('<unknown/>')).not.toEqual([]);
    });

    test('a request is refused for what only they can know', async () => {
      const headers = '<t:TimeZoneContext><t:TimeZoneDefinition Id="UTC" Colour="red"/></t:TimeZoneContext>';
      const response = await post(exchange, availabilityRequest({ headers }));
      expect(response.status).toBe(500);
      expect(await response.text()).toContain('ErrorSchemaValidation');
      expect(exchange.rejections).toEqual([expect.stringContaining('Colour')]);
    });

    const settings: readonly FaultSetting[] = [
      { kind: 'response-style' },
      { kind: 'response-style', prefix: 'none' },
      { kind: 'response-style', prefix: 'SOAP', messages: 'm', types: 't', pretty: true, offsets: '+02:00' },
      { kind: 'response-style', prefix: 'none', messages: 'm', cdata: true, offsets: 'Z' },
      { kind: 'response-style', prefix: 'soap', types: 't', pretty: true, cdata: true },
    ];
    const faults: readonly (FaultSetting | undefined)[] = [
      undefined,
      { kind: 'busy-in-200', backOff: 1000 },
      { kind: 'wrong-count' },
      { kind: 'fault-in-200' },
      { kind: 'busy-fault' },
      { kind: 'too-many-connections' },
      {
        kind: 'mailbox-error',
        mailbox: 'alice@example.test',
        code: 'ErrorFreeBusyGenerationFailed',
        message: 'a < b & c',
      },
    ];

    test.each(settings)('every answer written as %j is valid', async (style) => {
      exchange.faults.set(style);
      const mailboxes = ['alice@example.test', 'bob@example.test', 'director@example.test', 'nobody@example.test'];
      for (const fault of faults) {
        exchange.faults.clear();
        if (fault !== undefined) exchange.faults.set(fault);
        const body = await (await post(exchange, availabilityRequest({ mailboxes }))).text();
        expect(body).toContain(':Envelope '.slice(style.kind === 'response-style' && style.prefix === 'none' ? 1 : 0));
        expect(validate(body)).toEqual([]);
      }
    });

    test('a busy type of the future is what they do not allow', async () => {
      exchange.faults.clear();
      exchange.faults.set({ kind: 'unknown-busy-type', times: 1 });
      expect(validate(await (await post(exchange)).text())).not.toEqual([]);
    });
  },
);
