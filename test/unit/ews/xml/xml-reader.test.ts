import fc from 'fast-check';
import { SaxesParser, type SaxesTagNS } from 'saxes';
import { describe, expect, test } from 'vitest';
import { XmlReader } from '../../../../adapters/ews/xml/xml-reader.ts';
import { XmlError } from '../../../../adapters/ews/xml/xml-text.ts';

const aliases = new Map([
  ['urn:a', 'a'],
  ['urn:b', 'b'],
]);

/** What was read: `open name {attributes}` and `close name "text"`; or why it is no document. */
type Reading = { seen: string[]; problem: string | undefined };

function read(...chunks: string[]): Reading {
  const seen: string[] = [];
  const reader = new XmlReader(
    {
      open: ({ name, attributes }) => {
        const values = Object.entries(attributes).map(([key, attribute]) => `${key}=${attribute?.value}`);
        seen.push(`open ${name} {${values.join(' ')}}`);
      },
      close: ({ name }, text) => seen.push(`close ${name} ${JSON.stringify(text)}`),
    },
    aliases,
  );
  try {
    for (const chunk of chunks) for (let at = 0; at < chunk.length; ) at = reader.write(chunk, at);
    reader.end();
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    return { seen, problem: error.message };
  }
  return { seen, problem: undefined };
}

/** The same by saxes, which is our oracle. */
function readWithSaxes(text: string): Reading {
  const seen: string[] = [];
  const nameOf = ({ uri, local }: SaxesTagNS) => `${aliases.get(uri) ?? '?'}:${local}`;
  const parser = new SaxesParser({ xmlns: true });
  let content = '';
  const add = (piece: string) => {
    content += piece;
  };
  parser.on('opentag', (tag) => {
    content = '';
    const attributes = Object.values(tag.attributes).filter(({ uri }) => uri !== 'http://www.w3.org/2000/xmlns/');
    seen.push(`open ${nameOf(tag)} {${attributes.map(({ name, value }) => `${name}=${value}`).join(' ')}}`);
  });
  parser.on('closetag', (tag) => {
    seen.push(`close ${nameOf(tag)} ${JSON.stringify(content)}`);
    content = '';
  });
  parser.on('text', add);
  parser.on('cdata', add);
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('doctype', () => {
    throw new Error('doctype');
  });
  try {
    parser.write(text).close();
  } catch (error) {
    return { seen, problem: (error as Error).message };
  }
  return { seen, problem: undefined };
}

const root = (inside: string) => `<r xmlns="urn:a">${inside}</r>`;

describe('the XML reader', () => {
  test.each([
    ['prefixes, also redeclared', '<x:r xmlns:x="urn:a"><x:c xmlns:x="urn:b"/><x:d/></x:r>'],
    ['a default namespace, taken back', '<r xmlns="urn:a"><c xmlns=""><d/></c><e/></r>'],
    ['the same tag in two namespaces', '<q xmlns:x="urn:a"><x:c/><p xmlns:x="urn:b"><x:c/></p><x:c/></q>'],
    ['a namespace by a reference', '<r xmlns="urn:&#97;"/>'],
    ['an unused prefix bound twice', '<r xmlns:x="urn:a" xmlns:y="urn:a" x:a="1"/>'],
    ['the prefix xml', '<r xml:lang="de"><xml:c/></r>'],
    ['attributes in both quotes', root(`<c a="it's" b='say "no"' c = "x>y" d\n=\t''/>`)],
    ['attributes with spaces in them', root('<c a="1\n2\t3\r\n4&#10;5 "/>')],
    ['attributes of one local name in two namespaces', '<r xmlns:x="urn:a" xmlns:y="urn:b" x:a="1" y:a="2" a="3"/>'],
    ['the five entities', root('&lt;&gt;&amp;&quot;&apos;')],
    ['characters by number', root('&#65;&#x42;&#x0043;&#x1F4C5;&#9;&#13;')],
    ['CDATA sections', root('a<![CDATA[<b>&amp;]]]]><![CDATA[>]]>c')],
    ['an empty CDATA section', root('<![CDATA[]]>')],
    ['comments and instructions', `<?a b?><!-- < & -- -->`.replace('-- --', '- --') + root('1<!--x-->2<?y z?>3<?z?>')],
    ['line ends', root('a\r\nb\rc\nd<![CDATA[\r\n\r]]>')],
    ['brackets', root(']] ]> ] >')],
    ['text after a child', root('1<c/>2')],
    ['other alphabets', '<größe 日="é">\u{1F4C5}ñ</größe>'],
    ['a declaration', '<?xml version="1.0" encoding="utf-8" standalone=\'yes\' ?>\n<r/>'],
    ['space, comments and instructions around the root', '\n<!-- a --> <r/>\r\n<?b c?>\t<!---->\n'],
    ['space in tags', '<r\n a="1"\t><c /></r \n>'],
    ['an end that is not unlike another', '<ab><a></a><abc></abc></ab>'],
    ['U+FFFD and the last of all characters', root('\ufffd\u{10fffd}\ud7ff\ue000')],
  ])('reads %s as saxes does, wherever the chunks are cut', (_name, text) => {
    const whole = readWithSaxes(text);
    expect(whole.problem).toBeUndefined();
    expect(read(text)).toEqual(whole);
    for (let at = 1; at < text.length; at++) expect(read(text.slice(0, at), text.slice(at))).toEqual(whole);
    expect(read(...text.split(''))).toEqual(whole);
  });

  test('passes over one byte order mark at the beginning', () => {
    expect(read('\ufeff<?xml version="1.0"?>', '<r/>').problem).toBeUndefined();
    expect(read('\ufeff', '<?xml version="1.0"?><r/>').problem).toBeUndefined();
    expect(read('\ufeff\ufeff<r/>').problem).toBeDefined();
    expect(read('\ufeff', '\ufeff<r/>').problem).toBeDefined();
  });

  test.each([
    ['another end', '<a></b>', /match/],
    ['an end that is longer', '<a></ab>', /match/],
    ['an end that is shorter', '<ab></a>', /match/],
    ['an end of another prefix', '<x:a xmlns:x="u" xmlns:y="u"></y:a>', /match/],
    ['an end in another case', '<a></A>', /match/],
    ['an end with an attribute', '<a></a b="1">', /match/],
    ['an end with a slash', '<a></a/>', /match/],
    ['an end without a beginning', '</a>', /beginning/],
    ['elements that cross', '<a><b></a></b>', /match/],
    ['a missing end', '<a><b></b>', /unclosed/],
    ['two roots', '<a/><b/>', /root/],
    ['text before the root', 'x<a/>', /outside/],
    ['text after the root', '<a/>x', /outside/],
    ['a reference after the root', '<a/>&#32;', /outside/],
    ['CDATA after the root', '<a/><![CDATA[ ]]>', /outside/],
    ['nothing', '', /root/],
    ['only space', ' \n', /root/],
    ['only a comment', '<!---->', /root/],
    ['an attribute twice', '<a b="1" b="2"/>', /twice/],
    ['an attribute twice by its namespace', '<a xmlns:x="u" xmlns:y="u" x:b="1" y:b="1"/>', /twice/],
    ['a declaration twice', '<a xmlns:x="u" xmlns:x="v"/>', /twice/],
    ['a default declaration twice', '<a xmlns="u" xmlns="v"/>', /twice/],
    ['a prefix that nobody declared', '<x:a/>', /unbound/],
    ['a prefix that is declared no more', '<a><b xmlns:x="u"/><x:c/></a>', /unbound/],
    ['an attribute prefix that nobody declared', '<a x:b="1"/>', /unbound/],
    ['the prefix xmlns on an element', '<xmlns:a/>', /unbound/],
    ['a prefix undeclared', '<a xmlns:x=""/>', /not allowed/],
    ['xmlns declared', '<a xmlns:xmlns="u"/>', /not allowed/],
    ['xml declared as something else', '<a xmlns:xml="u"/>', /not allowed/],
    ['something else declared as xml', '<a xmlns:x="http://www.w3.org/XML/1998/namespace"/>', /not allowed/],
    ['something declared as xmlns', '<a xmlns="http://www.w3.org/2000/xmlns/"/>', /not allowed/],
    ['two colons', '<a:b:c xmlns:a="u"/>', /well-formed/],
    ['a name that begins with a colon', '<:a/>', /no tag/],
    ['a name that begins with a digit', '<1a/>', /no tag/],
    ['a space before the name', '< a/>', /no tag/],
    ['an attribute without a value', '<a b/>', /well-formed/],
    ['an attribute without quotes', '<a b=1/>', /well-formed/],
    ['attributes without a space', '<a b="1"c="2"/>', /well-formed/],
    ['a slash in the midst', '<a / b="1">', /well-formed/],
    ['a < in an attribute', '<a b="<"/>', /< in/],
    ['a < in a tag', '<a <b/>', /< in/],
    ['a ]]> in text', '<a>x]]>y</a>', /CDATA/],
    ['a bare &', '<a>R&D</a>', /&/],
    ['a bare & in an attribute', '<a b="R&D"/>', /&/],
    ['an entity of HTML', '<a>&nbsp;</a>', /undefined entity/],
    ['an entity without a name', '<a>&;</a>', /undefined entity/],
    ['a number that is none', '<a>&#x;</a>', /undefined entity/],
    ['a number in capitals', '<a>&#X41;</a>', /undefined entity/],
    ['a character by number that XML may not hold', '<a>&#0;</a>', /character/],
    ['a surrogate by number', '<a>&#xD83D;</a>', /character/],
    ['a number beyond all characters', '<a>&#x110000;</a>', /character/],
    ['a huge number', '<a>&#99999999999999999999;</a>', /character/],
    ['a control character', '<a>\u0001</a>', /character/],
    ['a NUL', '<a>\u0000</a>', /character/],
    ['a control character in CDATA', '<a><![CDATA[\u0001]]></a>', /character/],
    ['a control character in a comment', '<a><!--\u0001--></a>', /character/],
    ['a control character in an instruction', '<a><?x \u0001?></a>', /character/],
    ['a control character in an attribute', '<a b="\u0001"/>', /character/],
    ['half a character', '<a>\ud83d</a>', /character/],
    ['the other half', '<a>\udcc5\ud83d</a>', /character/],
    ['U+FFFE', '<a>\ufffe</a>', /character/],
    ['two hyphens in a comment', '<a><!-- -- --></a>', /hyphens/],
    ['three hyphens at its end', '<a><!-- ---></a>', /hyphens/],
    ['a document type', '<!DOCTYPE a><a/>', /document type/],
    ['a document type with a bomb', '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', /document type/],
    ['a declaration in the midst', '<a/><?xml version="1.0"?>', /beginning/],
    ['a declaration after a space', ' <?xml version="1.0"?><a/>', /beginning/],
    ['a declaration in capitals', '<?XML version="1.0"?><a/>', /beginning/],
    ['a declaration without a version', '<?xml encoding="utf-8"?><a/>', /declaration/],
    ['a declaration of another version', '<?xml version="2.0"?><a/>', /declaration/],
    ['an instruction without a target', '<a><? x?></a>', /target/],
    ['an instruction with a colon', '<a><?x:y z?></a>', /target/],
  ])('refuses %s, wherever the chunks are cut', (_name, text, problem) => {
    const whole = read(text);
    expect(whole.problem).toMatch(problem);
    for (let at = 1; at < text.length; at++) expect(read(text.slice(0, at), text.slice(at))).toEqual(whole);
    expect(read(...text.split(''))).toEqual(whole);
  });

  test('refuses every beginning of a document', () => {
    const text = `<?xml version="1.0"?><r xmlns="urn:a" a='"'><!-- c --><?p i?>&amp;<![CDATA[x]]]><c/></r>`;
    expect(read(text).problem).toBeUndefined();
    for (let length = 0; length < text.length; length++) expect(read(text.slice(0, length)).problem).toBeDefined();
  });

  test.each([
    ['elements nested for ever', (n: number) => '<a>'.repeat(n), /deep/],
    ['a name without an end', (n: number) => `<${'a'.repeat(n)}`, /too long/],
    ['an attribute without an end', (n: number) => `<a b="${'>'.repeat(n)}`, /too long/],
    [
      'attributes without an end',
      (n: number) => `<a ${Array.from({ length: n }, (_, i) => `a${i}=""`).join(' ')}`,
      /too long/,
    ],
    ['an end-tag without an end', (n: number) => `<a></a${' '.repeat(n)}`, /too long/],
    ['a comment without an end', (n: number) => `<!--${'>'.repeat(n)}`, /too long/],
    ['an instruction without an end', (n: number) => `<?x ${'>'.repeat(n)}`, /too long/],
    ['a text without an end', (n: number) => `<a>${'x'.repeat(n)}`, /too long/],
    ['a CDATA section without an end', (n: number) => `<a><![CDATA[${'x'.repeat(n)}`, /too long/],
    ['a reference without an end', (n: number) => `<a>&${'x'.repeat(n)}`, /&/],
  ])('refuses %s, long before its end, in pieces too', (_name, write, problem) => {
    const text = write(2_000_000);
    expect(read(text).problem).toMatch(problem);
    const pieces = text.match(/.{1,7001}/gs) ?? [];
    expect(read(...pieces).problem).toMatch(problem);
  });

  test('takes time by the length of what comes, however small its pieces', () => {
    const inside = `<c a="${'>'.repeat(8_000)}">${'&amp;'.repeat(4_000)}<!--${'>'.repeat(8_000)}--></c>`;
    const text = root(inside.repeat(3));
    const began = performance.now();
    expect(read(...text.split('')).problem).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  test('stops behind the root element, so that another document may follow', () => {
    const names: string[] = [];
    const handler = { open: ({ name }: { name: string }) => names.push(name), close() {} };
    const text = '<a><b/></a><c/> <d/>';
    let reader = new XmlReader(handler, aliases);
    expect(reader.write(text.slice(0, 5))).toBe(5);
    expect(reader.isComplete).toBe(false);
    expect(reader.write(text, 5)).toBe(11);
    expect(reader.isComplete).toBe(true);
    reader = new XmlReader(handler, aliases);
    expect(reader.write(text, 11)).toBe(15);
    expect(reader.write(text.slice(0, 16), 15)).toBe(16);
    expect(names).toEqual(['?:a', '?:b', '?:c']);
  });

  test('lets through what the handler throws', () => {
    const failure = new RangeError('no more');
    const reader = new XmlReader(
      {
        open() {
          throw failure;
        },
        close() {},
      },
      aliases,
    );
    expect(() => reader.write('<a/>')).toThrow(failure);
  });
});

/** Pieces that make documents and ruins of documents. */
const piece = fc.oneof(
  fc.constantFrom('<a>', '</a>', '<b:c>', '</b:c>', '<a/>', ' ', '\n', '\r', 'text', '&amp;', '&#65;', '&x;', '&', ';'),
  fc.constantFrom(
    '<a b="1">',
    `<a b='"' c="'">`,
    ' xmlns="urn:a"',
    ' xmlns:b="urn:b"',
    '<b:c xmlns:b="urn:b">',
    '>',
    '<',
  ),
  fc.constantFrom(
    '<!--',
    '-->',
    '-',
    '<![CDATA[',
    ']]>',
    ']',
    '<?',
    '?>',
    '<?x y?>',
    '<!--x-->',
    '=',
    '"',
    "'",
    '/',
    '!',
  ),
  fc.string({ maxLength: 3, unit: 'binary' }),
);

describe('the XML reader and saxes', () => {
  test('accept the same, and read the same of it', () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), fc.nat(), (pieces, isWrapped, at) => {
        const text = isWrapped ? `<r xmlns:b="urn:b">${pieces.join('')}</r>` : pieces.join('');
        const theirs = readWithSaxes(text);
        const ours = read(text.slice(0, at % (text.length + 1)), text.slice(at % (text.length + 1)));
        expect(ours.problem === undefined, `${JSON.stringify(text)}: ${ours.problem}, ${theirs.problem}`).toBe(
          theirs.problem === undefined,
        );
        if (ours.problem === undefined) {
          accepted++;
          expect(ours.seen).toEqual(theirs.seen);
        }
      }),
      { numRuns: 5_000 },
    );
    expect(accepted).toBeGreaterThan(200);
  });
});
