import type { Random } from '../random.ts';
import { CONTACTS, DOMAIN, WATCHERS } from './watch-model.ts';

const LONG = 'x'.repeat(1023);

/** What stands where a contact's local part should be, beside contacts. */
const LOCALS = [
  ...['nobody', 'nobody2', '', '@', 'a@b', 'alice@', 'ALICE', 'Alice', 'a b', ' alice', 'alice\t', "o'neil", 'x&amp;y'],
  ...['a\\40b\\40example.com', '\\40example.com', 'a.b\\40example.org', '\\20', '\\5c', 'alice\u0301', '\u202ealice'],
  ...['\u{1F600}', 'İ', 'ß', '\u212alaus', LONG, `${LONG}x`, 'ünï', 'toString', 'hasOwnProperty', 'alice&#10;'],
];
const DOMAINS = [
  ...[
    DOMAIN.toUpperCase(),
    `${DOMAIN}.`,
    'example.net',
    '',
    '[::1]',
    `x.${DOMAIN}`,
    `${DOMAIN}@example.net`,
    `${LONG}x`,
  ],
];
const RESOURCES = [
  ...['', '', '', '', '/desk', '/calendar', '/', '/a/b', '/a@b', '/ ', '/\u{1F4C5}', `/${LONG}`, `/${LONG}x`, '/&lt;'],
  '/a&#10;b',
];
const TYPES = [
  ...['subscribe', 'subscribe', 'subscribe', 'probe', 'probe', 'unsubscribe', 'unsubscribed', 'subscribed'],
  ...['unavailable', 'error', '', 'SUBSCRIBE', ' subscribe', 'invisible', 'toString', '__proto__', 'x'],
];
const PAYLOADS = [
  ...['<ping xmlns="urn:xmpp:ping"/>', '<query xmlns="jabber:iq:version"/>', '<query xmlns="jabber:iq:last"/>'],
  ...['<query xmlns="http://jabber.org/protocol/disco#info"/>', '<vCard xmlns="vcard-temp"/>', '<x/>', 'text'],
  ...['<query xmlns="http://jabber.org/protocol/disco#info" node="n"/>', '<ping xmlns="urn:xmpp:ping"><a/></ping>'],
  ...['<query xmlns="http://jabber.org/protocol/disco#items"/>', '<p:ping xmlns:p="urn:xmpp:ping"/>', '<query/>'],
  ...['<query xmlns="jabber:iq:roster"/>', '<ping xmlns="urn:xmpp:ping"/><ping xmlns="urn:xmpp:ping"/>', ''],
  ...['<constructor xmlns="__proto__"/>', '<vCard xmlns="vcard-temp"/><!-- -->', '<ping xmlns=""/>'],
];
const CONDITIONS = ['gone', 'item-not-found', 'remote-server-not-found', 'remote-server-timeout', 'text', 'x'];
const STANZAS = 'urn:ietf:params:xml:ns:xmpp-stanzas';
const IDS = [
  '1',
  'a',
  '',
  ' ',
  '&quot;&lt;&amp;',
  '\u{1F600}',
  '__proto__',
  'w000000000000-1',
  'r000000000000-1',
  'a&#10;',
];

/** A stanza as a server might send it, and now and then one that none would: the seed of a case. */
export function inboundStanza(random: Random): string {
  const kind = random.below(10);
  if (kind < 6)
    return stanza(random, 'presence', random.pick(TYPES), random.chance(0.2) ? presenceContent(random) : '');
  if (kind < 9) {
    const type = random.pick(['get', 'get', 'get', 'set', 'result', 'error', '', 'Get', 'x']);
    return stanza(random, 'iq', type, random.pick(PAYLOADS));
  }
  const type = random.pick(['chat', 'normal', '', 'headline', 'groupchat', 'error', 'x']);
  const body = random.pick(['<body>Where are you?</body>', '<body/>', '', '<body><![CDATA[a]]>b</body>', '<x/>']);
  return stanza(random, 'message', type, body);
}

/** A whole stanza between addresses that mostly exist. */
function stanza(random: Random, name: string, type: string, content: string): string {
  const from = random.chance(0.85)
    ? random.pick(WATCHERS) + random.pick(RESOURCES)
    : `${random.pick(LOCALS)}@${random.chance(0.7) ? 'example.net' : random.pick(DOMAINS)}`;
  const contacts = [...CONTACTS.keys()];
  const local = random.chance(0.85) ? random.pick(contacts) : random.pick(LOCALS);
  const domain = random.chance(0.9) ? DOMAIN : random.pick(DOMAINS);
  const to = (random.chance(0.15) ? domain : `${local}@${domain}`) + random.pick(RESOURCES);
  const attributes = [`from=${quoted(random, from)}`, `to=${quoted(random, to)}`];
  if (type !== '') attributes.push(`type=${quoted(random, type)}`);
  if (name === 'iq' || random.chance(0.5)) attributes.push(`id=${quoted(random, random.pick(IDS))}`);
  if (random.chance(0.1))
    attributes.push(`xml:lang=${quoted(random, random.pick(['de', 'en', 'tlh', '', 'x-'.repeat(99)]))}`);
  if (random.chance(0.1))
    attributes.push(`xmlns=${quoted(random, random.pick(['jabber:client', 'jabber:component:accept', 'urn:x']))}`);
  if (random.chance(0.3)) attributes.reverse();
  const head = `<${name}${attributes.map((one) => random.pick([' ', ' ', ' ', '\n', '  ']) + one).join('')}`;
  return content === '' && random.chance(0.7) ? `${head}/>` : `${head}>${content}</${name}>`;
}

function presenceContent(random: Random): string {
  const error = `<error type="cancel"><${random.pick(CONDITIONS)} xmlns="${STANZAS}"/></error>`;
  return random.pick([error, error, '<show>dnd</show><status>x</status>', '<priority>7</priority>', '<c/>']);
}

/** The same value in one of the ways in which XML can write it. */
function quoted(random: Random, value: string): string {
  const quote = random.chance(0.5) ? '"' : "'";
  const other = quote === '"' ? '&quot;' : '&apos;';
  let text = value.replaceAll(quote, other);
  if (random.chance(0.03))
    text = text.replace(/[a-z]/g, (letter) => (random.chance(0.3) ? `&#${letter.charCodeAt(0)};` : letter));
  return quote + text + quote;
}

/** What is not a stanza and may stand in a stream; some of it ends the stream. */
export function oddity(random: Random): string {
  return random.pick([
    ...[
      ' ',
      '\n',
      '\t \r\n',
      'text',
      '&amp;',
      '<a/>',
      '<a><b/></a>',
      '<![CDATA[x]]>',
      '<handshake/>',
      '<handshake>x</handshake>',
    ],
    ...['<stream:features/>', '<x:presence xmlns:x="jabber:component:accept"/>', '<stream:x>', '</stream:stream>'],
    ...[
      '<!-- a -->',
      '<?a b?>',
      '<?xml version="1.0"?>',
      '<!DOCTYPE a [<!ENTITY b "c">]>',
      '&b;',
      '&#0;',
      '\u0001',
      '\ufffe',
    ],
    ...["<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>", '<stream:error/>'],
    ...[
      "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>localhost:1</see-other-host></stream:error>",
    ],
    ...[
      "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' id='1'>",
      ']]>',
      '>',
      '<',
    ],
  ]);
}

/** One that takes room: long texts and attributes, deep, wide; some beyond what the gateway holds. */
export function bulk(random: Random): string {
  const size = random.pick([1_000, 10_000, 100_000, 100_000, 900_000, 1_300_000]);
  const fill = (text: string): string => text.repeat(Math.ceil(size / text.length));
  const open = `<message from='romeo@example.net' to='alice@${DOMAIN}'`;
  switch (random.below(7)) {
    case 0:
      return `${open}><body>${fill('text ')}</body></message>`;
    case 1:
      return `${open} id='${fill('id>')}'/>`;
    case 2: {
      const depth = Math.floor(size / 7);
      return `${open}>${'<a>'.repeat(depth)}${'</a>'.repeat(depth)}</message>`;
    }
    case 3:
      return `${open}>${fill('<a/>')}</message>`;
    case 4:
      return `${open} ${Array.from({ length: Math.ceil(size / 12) }, (_, i) => `a${i}='v'`).join(' ')}/>`;
    case 5:
      return `${open}>${fill('&amp;')}</message>`;
    default:
      return `${open}><body><![CDATA[${fill('<a> ] ')}]]></body></message>`;
  }
}
