import type { Random } from '../random.ts';

const ATTRIBUTES = [
  ...[
    "type='subscribe'",
    "type='probe'",
    "from='romeo@example.net'",
    "to='alice@calendar.example.test'",
    "id='2'",
    'x',
  ],
  ...[
    "xmlns='urn:x'",
    "xmlns:x='urn:x'",
    "x:y='z'",
    "a='<'",
    "a='&x;'",
    "a='&'",
    'a=b',
    "a='>'",
    "='a'",
    "a='&#xD800;'",
  ],
  ...["xmlns='jabber:client'", "__proto__='x'", "constructor='x'", "a=''", '/', '"', "'"],
];
const SNIPPETS = [
  ...['<a/>', '<a>', '</a>', '</presence>', '</iq>', '<presence>', '<iq/>', 'text', ' ', '&amp;', '&x;', '&', '<', '>'],
  ...['<!-- -->', '<!-- - > -->', '<?a?>', '<![CDATA[]]>', '<![CDATA[>]]>', ']]>', '<a b="c>d"/>', '<a a="1" a="2"/>'],
  ...['<a:b/>', '<:/>', '<1/>', '</ a>', '</a b="c">', '<a / >', '<error/>', '\u0000', '\ud83d', '\ufeff', '&#65;'],
];

const CHILDREN = [
  ...['<a/>', '<a>x</a>', '<ping xmlns="urn:xmpp:ping"/>', '<show>away</show>', '<body>x</body>', ' ', 'text', '&amp;'],
  ...['<a b="c>d"/>', "<a b='\"'/>", '<![CDATA[]]>', '<![CDATA[</presence>]]>', '<a:b/>', '<error/>', '&#65;'],
  ...['<presence type="subscribe" from="mallory@example.net" to="alice@calendar.example.test"/>', '<presence/>'],
];
/** With a name of their own each, so that none is there twice. */
const MORE_ATTRIBUTES = [
  "a='b'",
  "b='>'",
  "x:y='z'",
  "xmlns:x='urn:x'",
  "constructor='x'",
  "__proto__='x'",
  'FROM="x"',
];
const SIGNS = ['@', '/', '\\', ' ', '.', 'A', 'é', '\u{1F600}', '*', '&#47;', '&#64;', '&#32;', ''];
const STANZA = /^<(\w+)(.*?)(\/>|>.*<\/\w+>)$/s;
const ATTRIBUTE = /\s[\w:]+ ?= ?(?:'[^']*'|"[^"]*")/g;

/** Some changes after which a stanza is XML still: attributes gone, more or others, children more, fewer or of another. */
export function mutateContent(random: Random, stanza: string): string {
  let [, name = '', head = '', tail = ''] = STANZA.exec(stanza) ?? [];
  let content = tail.startsWith('/') ? '' : tail.slice(1, tail.lastIndexOf('<'));
  for (let change = 1 + random.below(3); change > 0; change--) {
    const attributes = head.match(ATTRIBUTE) ?? [];
    const attribute = attributes.length > 0 ? random.pick(attributes) : '';
    switch (random.below(6)) {
      case 0:
        head = head.replace(attribute, () => '');
        break;
      case 1: {
        const added = random.pick(MORE_ATTRIBUTES);
        if (!head.includes(` ${added}`)) head += ` ${added}`;
        break;
      }
      case 2:
        // Into a value, but not into a reference in it.
        if (!attribute.includes('&') && attribute.length > 4)
          head = head.replace(attribute, () => insert(random, attribute));
        break;
      case 3:
        content = random.chance(0.5) ? content + random.pick(CHILDREN) : random.pick(CHILDREN) + content;
        break;
      case 4:
        content = random.chance(0.1) ? random.pick(CHILDREN).repeat(1 + random.below(20)) : '';
        break;
      case 5:
        name = random.chance(0.9)
          ? random.pick(['presence', 'iq', 'message'])
          : random.pick(['Presence', 'handshake', 'x']);
        break;
    }
  }
  return content === '' ? `<${name}${head}/>` : `<${name}${head}>${content}</${name}>`;
}

function insert(random: Random, attribute: string): string {
  const first = attribute.search(/['"]/) + 1;
  const at = first + random.below(attribute.length - first);
  return (
    attribute.slice(0, at) + random.pick(SIGNS) + attribute.slice(Math.min(attribute.length - 1, at + random.below(2)))
  );
}

/** A few changes to the markup of a text: what lies within a stanza, or its order, or its addresses. */
export function mutateMarkup(random: Random, text: string): string {
  const tokens = text.match(/<[^>]*>|[^<]+/g) ?? [];
  for (let change = 1 + random.below(2); change > 0 && tokens.length > 0; change--) {
    const at = random.below(tokens.length);
    const token = tokens[at] ?? '';
    switch (random.below(8)) {
      case 0:
        tokens.splice(at, 1 + random.below(2));
        break;
      case 1:
        tokens.splice(at, 0, ...tokens.slice(at, at + 1 + random.below(3)));
        break;
      case 2: {
        const other = random.below(tokens.length);
        [tokens[at], tokens[other]] = [tokens[other] ?? '', token];
        break;
      }
      case 3:
        tokens.splice(at, 0, random.pick(SNIPPETS));
        break;
      case 4:
      case 5:
        tokens[at] = token.replace(/\s*\/?>$/, ` ${random.pick(ATTRIBUTES)}$&`);
        break;
      case 6: {
        // Without an attribute, or with one twice.
        const found = token.match(/\s[\w:]+=(?:'[^']*'|"[^"]*")/g) ?? [];
        const one = found.length > 0 ? random.pick(found) : ' ';
        tokens[at] = token.replace(one, random.chance(0.5) ? '' : one + one);
        break;
      }
      case 7:
        tokens[at] = token.replace(/\w+/, (name) =>
          random.pick(['presence', 'iq', 'message', 'stream:stream', `${name}x`]),
        );
        break;
    }
  }
  return tokens.join('');
}

/** Up to three changed, missing or additional bytes; sometimes the end is missing. */
export function mutateBytes(random: Random, bytes: Buffer): Buffer {
  let mutated = bytes;
  for (let change = 1 + random.below(3); change > 0; change--) {
    const at = random.below(mutated.length);
    const before = mutated.subarray(0, at);
    const byte = Buffer.of(
      random.chance(0.4) ? random.below(256) : random.pick([...Buffer.from('<>&;"\'/=!?-[]:@\\ \r\n0ab')]),
    );
    switch (random.below(7)) {
      case 0:
      case 1:
        mutated = Buffer.concat([before, byte, mutated.subarray(at + 1)]);
        break;
      case 2:
      case 3:
        mutated = Buffer.concat([before, byte, mutated.subarray(at)]);
        break;
      case 4:
      case 5:
        mutated = Buffer.concat([before, mutated.subarray(at + 1 + random.below(4))]);
        break;
      case 6:
        if (random.chance(0.2)) mutated = before;
        break;
    }
  }
  return mutated;
}
