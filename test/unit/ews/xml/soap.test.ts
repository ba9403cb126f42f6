import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BodyHandler, SoapReader } from '../../../../adapters/ews/xml/soap.ts';
import { escapeXml, isXmlText } from '../../../../adapters/ews/xml/xml-text.ts';

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/';
const MESSAGES = 'http://schemas.microsoft.com/exchange/services/2006/messages';
const TYPES = 'http://schemas.microsoft.com/exchange/services/2006/types';
const ERRORS = 'http://schemas.microsoft.com/exchange/services/2006/errors';

/** Reads chunks; `seen` lists the elements of the body as they close, with their texts. */
function read(...chunks: string[]) {
  const seen: string[] = [];
  const handler: BodyHandler = { open() {}, close: (name, text) => seen.push(`${name}=${text.trim()}`) };
  const reader = new SoapReader(handler);
  for (const chunk of chunks) reader.write(chunk);
  return { ...reader.end(), seen };
}

function envelope(body: string, prefix = 's'): string {
  const p = prefix === '' ? '' : `${prefix}:`;
  const xmlns = prefix === '' ? 'xmlns' : `xmlns:${prefix}`;
  return `<?xml version="1.0"?><${p}Envelope ${xmlns}="${SOAP}"><${p}Body>${body}</${p}Body></${p}Envelope>`;
}

function fault(detail: string, code = 'a:ErrorServerBusy'): string {
  return envelope(
    `<s:Fault><faultcode xmlns:a="${TYPES}">${code}</faultcode><faultstring>Busy.</faultstring>${detail}</s:Fault>`,
  );
}

describe('the reader of SOAP messages', () => {
  test.each(['s', 'soap', 'soap11', 'SOAP', ''])('reads the envelope prefix "%s"', (prefix) => {
    const message = read(
      envelope(`<Answer xmlns="${MESSAGES}"><x:Word xmlns:x="${TYPES}">Busy</x:Word></Answer>`, prefix),
    );
    expect(message.problem).toBeUndefined();
    expect(message.seen).toEqual(['t:Word=Busy', 'm:Answer=']);
  });

  test('tells elements of the same name in other namespaces apart', () => {
    expect(read(envelope(`<Word>1</Word><Word xmlns="urn:other">2</Word>`)).seen).toEqual(['?:Word=1', '?:Word=2']);
  });

  test('puts text, CDATA and entities together, past comments', () => {
    const body = `<Word xmlns="${TYPES}">a<!-- no -->&amp;<![CDATA[<b>]]>&#x63;</Word>`;
    expect(read(envelope(body)).seen).toEqual(['t:Word=a&<b>c']);
  });

  test('reads a message the same, wherever its chunks are cut', () => {
    const text = fault(
      `<detail><e:ResponseCode xmlns:e="${ERRORS}">ErrorServerBusy</e:ResponseCode><t:MessageXml xmlns:t="${TYPES}">` +
        '<t:Value Name="BackOffMilliseconds"><![CDATA[1234]]></t:Value><t:Other>\u{1F4C5}&amp;</t:Other></t:MessageXml></detail>',
    );
    const whole = read(text);
    expect(whole.backOff).toBe(1234);
    for (let at = 1; at < text.length; at++) expect(read(text.slice(0, at), text.slice(at))).toEqual(whole);
    expect(read(...text)).toEqual(whole);
  });

  test('finds the code of a fault in its detail, or else in the faultcode', () => {
    const detail = `<detail><e:ResponseCode xmlns:e="${ERRORS}">\n ErrorImpersonateUserDenied\n</e:ResponseCode></detail>`;
    expect(read(fault(detail)).fault?.code).toBe('ErrorImpersonateUserDenied');
    expect(read(fault('')).fault).toEqual({ code: 'ErrorServerBusy', text: 'Busy.' });
    expect(read(fault('', 's:Client')).fault).toEqual({ code: undefined, text: 'Busy.' });
  });

  test('reads a SOAP 1.2 fault', () => {
    const uri = 'http://www.w3.org/2003/05/soap-envelope';
    const message = read(
      `<e:Envelope xmlns:e="${uri}"><e:Body><e:Fault><e:Code><e:Value xmlns:a="${TYPES}">a:ErrorServerBusy</e:Value>` +
        '</e:Code><e:Reason><e:Text xml:lang="en">Busy.</e:Text></e:Reason></e:Fault></e:Body></e:Envelope>',
    );
    expect(message.fault).toEqual({ code: 'ErrorServerBusy', text: 'Busy.' });
  });

  test.each(['first', 'last'])('finds the back-off where it is the %s value, in a fault and in an answer', (place) => {
    const other = '<t:Value Name="Policy">99</t:Value>';
    const backOff = '<t:Value Name="BackOffMilliseconds"> 4500 </t:Value>';
    const values = place === 'first' ? backOff + other : other + backOff;
    const xml = `<MessageXml xmlns:t="${TYPES}">${values}</MessageXml>`;
    expect(read(fault(`<detail>${xml}</detail>`)).backOff).toBe(4500);
    expect(read(envelope(xml)).backOff).toBe(4500);
  });

  test.each(['', 'soon', '-5', 'NaN'])('takes "%s" for no back-off', (value) => {
    const xml = `<t:Value xmlns:t="${TYPES}" Name="BackOffMilliseconds">${value}</t:Value>`;
    expect(read(envelope(xml)).backOff).toBeUndefined();
  });

  test.each([
    ['a document type', `<!DOCTYPE x [<!ENTITY e "expanded">]>${envelope('&e;')}`, /document type/],
    ['an HTML page', '<html><head></head><body></body></html>', /<html>/],
    ['an envelope of another namespace', '<Envelope xmlns="urn:x"><Body/></Envelope>', /<Envelope>/],
    ['nothing at all', '', /root element/],
    ['no body', `<s:Envelope xmlns:s="${SOAP}"/>`, /without a body/],
    ['a cut message', envelope('<a><b>').slice(0, -30), /unclosed|unexpected|disallowed/i],
    ['an entity of HTML', envelope('&nbsp;'), /undefined entity/],
    ['a prefix that nobody declared', envelope('<x:a/>'), /unbound/],
    ['elements nested for ever', envelope('<a>'.repeat(100_000)), /deep/],
  ])('refuses %s', (_name, text, problem) => {
    const message = read(text);
    expect(message.problem).toMatch(problem);
    expect(message.seen).not.toContain('expanded');
  });

  test('throws on no text whatever', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom('<', '>', '&', ']]>', '<![CDATA[', '</', '<s:Body>'))),
        (chunks) => {
          read(...chunks);
          read(envelope(chunks.join('')));
        },
      ),
    );
  });
});

describe('texts in XML', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(fc.string().filter(isXmlText), (text) => {
        // A carriage return is a line feed to every XML reader (XML 1.0 §2.11).
        const expected = text.replace(/\r\n?/g, '\n').trim();
        expect(read(envelope(`<a>${escapeXml(text)}</a>`)).seen).toEqual([`?:a=${expected}`]);
      }),
    );
  });

  test.each(['\u0000', 'a\u000bb', '\ud800', '\udc00x', '\uffff'])('can not hold %j', (text) => {
    expect(isXmlText(text)).toBe(false);
  });
});
