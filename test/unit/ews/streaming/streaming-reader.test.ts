import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StreamingReader } from '../../../../adapters/ews/streaming/streaming-reader.ts';

type Heard = { changed: string[]; unknown: string[]; code?: string; isClosed: boolean; problem: string | undefined };

function open() {
  const heard: Heard[] = [];
  const reader = new StreamingReader(({ changed, unknown, code, isClosed }, { problem }) => {
    heard.push({ changed: [...changed], unknown: [...unknown], ...(code && { code }), isClosed, problem });
  });
  return { heard, reader };
}

/** An envelope of the stream. `p` is the prefix of SOAP's namespace with its colon, or nothing. */
function envelope(content: string, { p = 's:', end = '' } = {}): string {
  const xmlns = p === '' ? 'xmlns' : `xmlns:${p.slice(0, -1)}`;
  return (
    `<?xml version="1.0" encoding="utf-8"?><${p}Envelope ${xmlns}="http://schemas.xmlsoap.org/soap/envelope/"><${p}Body>` +
    '<m:GetStreamingEventsResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"' +
    ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>' +
    `<m:GetStreamingEventsResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>${content}` +
    `</m:GetStreamingEventsResponseMessage></m:ResponseMessages></m:GetStreamingEventsResponse></${p}Body></${p}Envelope>${end}`
  );
}

function changed(id: string, event = 'ModifiedEvent'): string {
  return (
    `<m:Notifications><m:Notification><t:SubscriptionId>${id}</t:SubscriptionId><t:${event}><t:TimeStamp>` +
    `2026-03-02T09:00:00Z</t:TimeStamp><t:ItemId Id="x"/></t:${event}></m:Notification></m:Notifications>`
  );
}

const status = (text: string): string => `<m:ConnectionStatus>${text}</m:ConnectionStatus>`;
const nothing = { changed: [], unknown: [], isClosed: false, problem: undefined };

describe('a stream of envelopes', () => {
  test('is read however it is cut, whatever the prefixes and what stands between the envelopes', () => {
    const part = fc.record({
      id: fc.stringMatching(/^[A-Za-z0-9+/=]{1,40}$/),
      p: fc.constantFrom('s:', 'soap:', 'SOAP:', 'soap11:', ''),
      end: fc.constantFrom('', '\r\n', ' \n\t', '\ufeff'),
    });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.array(fc.nat({ max: 400 })), (parts, cuts) => {
        const text = parts.map(({ id, ...style }) => envelope(changed(id), style)).join('');
        const { heard, reader } = open();
        let at = 0;
        for (const cut of cuts) {
          reader.write(text.slice(at, at + cut));
          at += cut;
        }
        reader.write(text.slice(at));
        expect(heard).toEqual(parts.map(({ id }) => ({ ...nothing, changed: [id] })));
        expect(reader.isInEnvelope).toBe(false);
      }),
    );
  });

  test('tells each envelope as soon as its last character is there', () => {
    const { heard, reader } = open();
    const text = envelope(status('OK'));
    reader.write(text.slice(0, -1));
    expect(heard).toEqual([]);
    expect(reader.isInEnvelope).toBe(true);
    reader.write('>');
    expect(heard).toEqual([nothing]);
  });

  test('is not misled by what only looks like an end', () => {
    const { heard, reader } = open();
    reader.write(
      envelope('<!-- </s:Envelope> --><t:x a="</s:Envelope>"/><![CDATA[</s:Envelope>]]>'.replace('"<', '"&lt;')),
    );
    reader.write(envelope(changed('b')));
    expect(heard).toEqual([nothing, { ...nothing, changed: ['b'] }]);
  });

  test('says which subscriptions are unknown, and nothing of those but that', () => {
    const { heard, reader } = open();
    const ids =
      '<m:ErrorSubscriptionIds><t:SubscriptionId>a</t:SubscriptionId><m:SubscriptionId>b</m:SubscriptionId></m:ErrorSubscriptionIds>';
    reader.write(
      envelope(ids + status('Closed'))
        .replace('"Success"', '"Error"')
        .replace('NoError', 'ErrorSubscriptionNotFound'),
    );
    expect(heard).toEqual([{ ...nothing, unknown: ['a', 'b'], code: 'ErrorSubscriptionNotFound', isClosed: true }]);
  });

  test.each([
    ['StatusEvent', []],
    ['CreatedEvent', ['a']],
    ['DeletedEvent', ['a']],
    ['FreeBusyChangedEvent', ['a']],
    ['SomethingOfTheFutureEvent', ['a']],
  ])('takes a %s for what it is', (event, expected) => {
    const { heard, reader } = open();
    reader.write(envelope(changed('a', event)));
    expect(heard).toEqual([{ ...nothing, changed: expected }]);
  });
});

describe('a stream that is none', () => {
  test.each([
    ['an HTML page', '<html><body>&nbsp;<br></body>'],
    ['line noise', 'no carrier'],
    ['a document type declaration', '<!DOCTYPE x [<!ENTITY a "b">]>'],
    ['wrong tags', '<a></b>'],
    ['another document', '<x/>'],
  ])('%s is told as a problem at once', (_name, garbage) => {
    const { heard, reader } = open();
    reader.write(envelope(status('OK')));
    reader.write(garbage);
    expect(heard).toEqual([nothing, { ...nothing, problem: expect.any(String) }]);
  });

  test('an envelope without an end is given up', () => {
    const { reader } = open();
    reader.write(envelope('').replace(/<\/.*/s, '0</m:ResponseCode>'));
    const filler = '<t:x/>'.repeat(10_000);
    expect(() => {
      for (let i = 0; i < 200; i++) reader.write(filler);
    }).toThrow(expect.objectContaining({ kind: 'malformed' }));
  });
});
