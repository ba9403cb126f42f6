import { EventEmitter } from 'node:events';
import xml, { type Element, type Parser } from '@xmpp/xml';
import { readXmlText } from './stanza-text.ts';

/** Why what came is no stream: RFC 6120 §4.9.3.13, §4.9.3.18. */
export class StreamSyntaxError extends Error {
  override readonly name = 'StreamSyntaxError';
  readonly condition: 'not-well-formed' | 'restricted-xml';

  constructor(message: string, condition: StreamSyntaxError['condition'] = 'not-well-formed') {
    super(message);
    this.condition = condition;
  }
}

// XML 1.0: Name and S (§2.3), XMLDecl (§2.8), tags (§3.1).
const START =
  ':A-Z_a-z\\xc0-\\xd6\\xd8-\\xf6\\xf8-\\u02ff\\u0370-\\u037d\\u037f-\\u1fff\\u200c\\u200d\\u2070-\\u218f' +
  '\\u2c00-\\u2fef\\u3001-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\ufffd\\u{10000}-\\u{effff}';
const NAME = `[${START}][${START}\\-.0-9\\xb7\\u0300-\\u036f\\u203f\\u2040]*`;
const S = '[ \\t\\r\\n]';

function tagPatterns(name: string, flags: string) {
  return {
    opening: new RegExp(`<(${name})`, flags),
    attribute: new RegExp(`${S}+(${name})${S}*=${S}*(?:"([^"<]*)"|'([^'<]*)')`, flags),
    end: new RegExp(`${S}*(/?)>`, flags),
    closing: new RegExp(`</(${name})${S}*>`, flags),
  };
}
/** All that a name may be; and what it can be where everything is plain, which takes half the time. */
const anyTags = tagPatterns(NAME, 'uy');
const plainTags = tagPatterns('[:A-Z_a-z][:A-Z_a-z\\-.0-9]*', 'y');
const NOT_SPACE = /[^ \t\r\n]/;
const NOT_PLAIN = /[^\t\n\r -~]/;
const declarations = new RegExp(
  `<\\?xml${S}+version${S}*=${S}*(["'])1\\.[0-9]+\\1` +
    `(?:${S}+encoding${S}*=${S}*(["'])[A-Za-z][A-Za-z0-9._-]*\\2)?` +
    `(?:${S}+standalone${S}*=${S}*(["'])(?:yes|no)\\3)?${S}*\\?>`,
  'uy',
);
const DECLARATION = '<?xml';
const CDATA = '<![CDATA[';
/** What a token is cut off at. */
const UNFINISHED = -1;

/**
 * Reads a stream of XML (RFC 6120 §11) into stanzas: xmpp.js's parser, with another tokenizer. Its events are `start` with
 * the stream's root, `element` with each child of it, and `end`.
 *
 * The tokenizer of xmpp.js (ltx) takes anything for XML. Where a quote was missing two stanzas became one, from the sender
 * of the first, that asked for what the second did. It lost text behind CDATA, and looked for the next "<" anew at each
 * character of a chunk that has none (320 ms for 512 KiB); and the parser kept all space between stanzas for ever.
 */
export class StreamParser extends EventEmitter implements Parser {
  /** What has come and is no whole token yet. */
  #held = '';
  #root: Element | undefined;
  /** The innermost element that is open. */
  #cursor: Element | undefined;
  #isAtStart = true;
  /** For what is being read. */
  #tags = anyTags;
  #isEnded = false;

  /** @throws StreamSyntaxError; after it nothing more must be written */
  write(data: string): void {
    const text = this.#held + data;
    let at = 0;
    // Tags end with ">", and text ends where a tag begins.
    if (data.includes('>')) {
      this.#tags = NOT_PLAIN.test(text) ? anyTags : plainTags;
      for (let end = 0; end !== UNFINISHED && !this.#isEnded; end = this.#readToken(text, at)) at = end;
    }
    this.#held = text.slice(at);
  }

  end(data = ''): void {
    this.write(data);
  }

  /** @returns where the token that begins at `at` ends */
  #readToken(text: string, at: number): number {
    const mark = text.indexOf('<', at);
    if (mark === UNFINISHED) return UNFINISHED;
    const end = mark > at ? mark : this.#readMarkup(text, at);
    if (mark > at) this.#readText(text.slice(at, mark));
    if (end !== UNFINISHED) this.#isAtStart = false;
    return end;
  }

  #readMarkup(text: string, at: number): number {
    const second = text[at + 1];
    if (second === '/') return this.#readClosing(text, at);
    if (second !== '!' && second !== '?') return this.#readOpening(text, at);
    if (this.#isAtStart && text.startsWith(DECLARATION, at)) {
      const [declaration] = match(declarations, text, at) ?? [];
      return declaration === undefined ? cutOff(text, at) : at + declaration.length;
    }
    if (text.startsWith(CDATA, at)) return this.#readCdata(text, at);
    if ([CDATA, this.#isAtStart ? DECLARATION : ''].some((start) => start.startsWith(text.slice(at))))
      return UNFINISHED;
    throw new StreamSyntaxError('A comment, processing instruction or document type', 'restricted-xml');
  }

  #readCdata(text: string, at: number): number {
    const end = text.indexOf(']]>', at);
    if (end === UNFINISHED) return UNFINISHED;
    const content = text.slice(at + CDATA.length, end);
    if (this.#cursor === undefined) throw new StreamSyntaxError('Character data outside the stream');
    this.#readText(content.replaceAll('&', '&amp;'));
    return end + ']]>'.length;
  }

  #readOpening(text: string, at: number): number {
    const { opening, attribute, end } = this.#tags;
    const [mark, name] = match(opening, text, at) ?? [];
    if (mark === undefined || name === undefined) return cutOff(text, at);
    const element = new xml.Element(name);
    let next = at + mark.length;
    for (let found = match(attribute, text, next); found !== null; found = match(attribute, text, next)) {
      const [all, key = '', double, single = ''] = found;
      if (Object.hasOwn(element.attrs, key)) throw new StreamSyntaxError('An attribute that is there twice');
      setAttribute(element, key, detached(this.#decode(spaced(double ?? single))));
      next += all.length;
    }
    const [closing, slash] = match(end, text, next) ?? [];
    if (closing === undefined) return cutOff(text, at);
    this.#open(element);
    if (slash === '/') this.#close(name);
    return next + closing.length;
  }

  #readClosing(text: string, at: number): number {
    const [closing, name] = match(this.#tags.closing, text, at) ?? [];
    if (closing === undefined || name === undefined) return cutOff(text, at);
    this.#close(name);
    return at + closing.length;
  }

  #open(element: Element): void {
    const parent = this.#cursor;
    this.#cursor = element;
    if (parent === undefined) {
      this.#root = element;
      this.emit('start', element);
    } else if (parent === this.#root) element.parent = parent;
    else parent.append(element);
  }

  #close(name: string): void {
    const element = this.#cursor;
    if (element?.name !== name) throw new StreamSyntaxError('A closing tag for what is not open');
    if (element === this.#root) {
      this.#isEnded = true;
      this.emit('end', element);
      return;
    }
    this.#cursor = element.parent ?? undefined;
    if (this.#cursor === this.#root) this.emit('element', element);
  }

  #readText(raw: string): void {
    if (raw.includes(']]>')) throw new StreamSyntaxError('The end of character data that has not begun');
    if (this.#cursor === undefined && NOT_SPACE.test(raw)) throw new StreamSyntaxError('Text outside the stream');
    const text = this.#decode(raw.includes('\r') ? raw.replace(/\r\n?/g, '\n') : raw);
    // Between stanzas it is the space that keeps a connection alive (RFC 6120 §4.6.1).
    if (this.#cursor !== this.#root) this.#cursor?.t(text);
  }

  /** The text that a piece of XML stands for. */
  #decode(raw: string): string {
    if (this.#tags === plainTags && !raw.includes('&')) return raw;
    const text = readXmlText(raw);
    if (text === undefined) throw new StreamSyntaxError('A character or reference that there is none of');
    return text;
  }
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Of a tag that is no tag: it may become one, unless another one has begun. */
function cutOff(text: string, at: number): typeof UNFINISHED {
  if (text.includes('<', at + 1)) throw new StreamSyntaxError('A tag that is none');
  return UNFINISHED;
}

/** §3.3.3: an attribute's white space is spaces, unless it is written as references. */
function spaced(raw: string): string {
  return /[\t\r\n]/.test(raw) ? raw.replace(/\r\n|[\t\r\n]/g, ' ') : raw;
}

/**
 * A copy. Addresses are kept for as long as a subscription lasts, and what V8 cuts from a text keeps the whole of it: a
 * megabyte for an address that stood in a stanza of that size.
 */
function detached(text: string): string {
  return ` ${text}`.slice(1);
}

/** As a property of its own, whatever its name. */
function setAttribute({ attrs }: Element, key: string, value: string): void {
  if (key === '__proto__') Object.defineProperty(attrs, key, { value, enumerable: true });
  else attrs[key] = value;
}
