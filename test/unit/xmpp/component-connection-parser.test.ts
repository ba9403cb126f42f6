import type { Element } from '@xmpp/xml';
import { describe, expect, test } from 'vitest';
import { StreamParser, StreamSyntaxError } from '../../../component/xmpp/component-connection-parser.ts';
import { collectGarbage, memoryInUse } from '../../support/memory.ts';

const HEADER = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='urn:s' id='1'>";

/** What the parser makes of a stream that begins in order. */
function read(...chunks: string[]): { elements: Element[]; events: string[] } {
  const elements: Element[] = [];
  const events: string[] = [];
  const parser = new StreamParser();
  parser.on('start', ({ name }: Element) => events.push(`start ${name}`));
  parser.on('element', (element: Element) => elements.push(element));
  parser.on('end', () => events.push('end'));
  for (const chunk of [HEADER, ...chunks]) parser.write(chunk);
  return { elements, events };
}

function conditionOf(...chunks: string[]): string {
  try {
    read(...chunks);
  } catch (error) {
    if (error instanceof StreamSyntaxError) return error.condition;
    throw error;
  }
  return 'none';
}

describe('a stream', () => {
  test('is read into its stanzas, however it is cut into chunks', () => {
    const stanza = `<iq id="a>b" from='&#x1F600;&amp;"'><q xmlns = "urn:x"><i/>a<![CDATA[<b>&amp;]]>c &lt;</q></iq>`;
    const whole = read(stanza);
    const pieces = read(...stanza);
    for (const { elements } of [whole, pieces]) {
      expect(elements).toHaveLength(1);
      const [iq] = elements;
      expect(iq?.attrs).toEqual({ id: 'a>b', from: '😀&"' });
      expect(iq?.getNS()).toBe('jabber:component:accept');
      expect(iq?.getChild('q', 'urn:x')?.getText()).toBe('a<b>&amp;c <');
    }
  });

  test('begins and ends', () => {
    expect(read('<a/></stream:stream>').events).toEqual(['start stream:stream', 'end']);
    expect(read('</stream:stream><a/>').elements).toEqual([]);
  });

  test('has white space as XML has it: spaces in attributes, line feeds in texts', () => {
    const [element] = read('<a b="\t\r\n&#10;">\r\n\r</a>').elements;
    expect(element?.attrs.b).toBe('  \n');
    expect(element?.getText()).toBe('\n\n');
  });

  test('may have attributes of any name', () => {
    const [element] = read("<a constructor='1' toString='2' __proto__='3' b='4'/>").elements;
    const names = ['constructor', 'toString', '__proto__', 'b'];
    expect(Object.entries(element?.attrs ?? {})).toEqual(names.map((name, i) => [name, String(i + 1)]));
    expect(conditionOf("<a __proto__='1' __proto__='2'/>")).toBe('not-well-formed');
  });
});

describe('what is no XML', () => {
  test('makes no stanza of two: ltx took the second one’s attributes for the first one’s', () => {
    const forged = "<presence from='mallory@x' to='alice@y' a><presence from='bob@x' type='subscribe'/>";
    expect(conditionOf(forged)).toBe('not-well-formed');
  });

  test.each([
    ['an attribute that is there twice', "<a b='1' b='2'/>"],
    ['an attribute without quotes', '<a b=1/><b/>'],
    ['an attribute without a value', '<a b/><b/>'],
    ['attributes without a space between', "<a b='1'c='2'/><b/>"],
    ['a tag within a value', "<a b='<'/>"],
    ['a closing tag for another element', '<a></b>'],
    ['a closing tag with attributes', "<a></a b='c'><b/>"],
    ['a name that is none', '<1/><b/>'],
    ['an unknown entity', '<a>&nbsp;</a>'],
    ['an ampersand alone', "<a b='&'/>"],
    ['a reference to a character that there is none of', '<a>&#0;</a>'],
    ['a reference beyond all characters', `<a>&#${'9'.repeat(500)};</a>`],
    ['a control character', '<a>\u0001</a>'],
    ['the end of CDATA alone', '<a>]]></a>'],
  ])('is not well-formed: %s', (_, text) => {
    expect(conditionOf(text)).toBe('not-well-formed');
  });

  test.each(['<!-- a -->', '<?a b?>', '<!DOCTYPE a>', "<?xml version='1.0'?>"])(
    'is restricted: %s (RFC 6120 §11.1)',
    (text) => {
      expect(conditionOf(text)).toBe('restricted-xml');
    },
  );

  test.each(['HTTP/1.1 400 Bad Request\r\n\r\n<html>', '\ufeff<stream>', '&#32;<stream>', '<![CDATA[]]><stream>'])(
    'is text before the stream: %j',
    (text) => expect(() => new StreamParser().write(text)).toThrow(StreamSyntaxError),
  );
});

test('space between stanzas takes no memory: the parser of xmpp.js kept each piece', () => {
  const parser = new StreamParser();
  parser.write(HEADER);
  const pieces = (): void => {
    for (let i = 0; i < 50_000; i++) parser.write(' \n<a/>');
  };
  pieces();
  collectGarbage();
  const before = memoryInUse();
  pieces();
  collectGarbage();
  expect(memoryInUse() - before).toBeLessThan(500_000);
});

test('an address that is kept does not keep the stanza that it stood in', () => {
  const parser = new StreamParser();
  const kept: (string | undefined)[] = [];
  parser.on('element', ({ attrs }: Element) => kept.push(attrs.from));
  parser.write(HEADER);
  collectGarbage();
  const before = memoryInUse();
  for (let i = 0; i < 100; i++) {
    parser.write(`<presence from='somebody${i}@example.net'><status>${'x'.repeat(200_000)}</status></presence>`);
  }
  collectGarbage();
  expect(kept).toHaveLength(100);
  expect(memoryInUse() - before).toBeLessThan(2_000_000);
});

test('a large text in small chunks takes no longer than in large ones', () => {
  const text = `<a>${'x'.repeat(500_000)}</a>`;
  const chunks = text.match(/.{1,10}/gs) ?? [];
  const began = performance.now();
  expect(read(...chunks).elements[0]?.getText()).toHaveLength(500_000);
  expect(performance.now() - began).toBeLessThan(1_000);
});
