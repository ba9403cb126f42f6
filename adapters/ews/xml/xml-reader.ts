import {
  checkInstruction,
  type Expectation,
  outermostScope,
  readTag,
  type XmlElement,
  type XmlScope,
  type XmlTag,
} from './xml-tag.ts';
import { checkCharacters, decodeCdata, decodeText, openEnd, XmlError } from './xml-text.ts';

/** Receives the elements of a document as they begin and end. What it throws goes through the reader. */
export interface XmlHandler {
  open(element: XmlElement): void;
  /** `text` is the element's text since its last child, if any: all of it, in an element without children. */
  close(element: XmlElement, text: string): void;
}

/** Exchange's own answers are 13 deep at most. */
const MAX_DEPTH = 64;
/** The longest tag, comment or processing instruction, in characters. */
const MAX_MARKUP = 16 * 1024;
/** The longest text of an element, in characters: ten times the longest automatic reply. */
const MAX_TEXT = 1024 * 1024;
/** How many tags are remembered, and up to which length. Exchange's answers have some dozens, of a hundred characters. */
const REMEMBERED = 512;
const REMEMBERED_LENGTH = 512;

/** Instead of an index: the markup goes on in the next chunk. */
const CUT = -1;
const CDATA = '<![CDATA[';

/** How much is read at once, in characters. */
const SLICE = 64 * 1024;

const BYTE_ORDER_MARK = 0xfeff;
const LESS = 0x3c;
const GREATER = 0x3e;
const SLASH = 0x2f;
const EXCLAMATION = 0x21;
const QUESTION = 0x3f;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;

/** 0 for the characters of a text that stand for themselves wherever they are: printable ASCII, space, line feed. */
const special = new Uint8Array(0x10000).fill(1);
for (let code = 0x20; code < 0x7f; code++) special[code] = '<&]'.includes(String.fromCharCode(code)) ? 1 : 0;
special[0x09] = 0;
special[0x0a] = 0;

/**
 * Reads an XML document as it arrives, in chunks cut anywhere (XML 1.0 fifth edition, Namespaces in XML 1.0).
 *
 * Everything that makes a document not well-formed is refused. So is a document type declaration: no entity but XML's
 * five is ever expanded. Memory is bounded by the limits above, and a chunk costs time by its own length.
 *
 * Documents repeat themselves: a tag that was read once in a scope of namespaces is known by its very characters
 * (`XmlScope.tags`), and is not taken apart again. An end-tag is compared with the name that it must have.
 */
export class XmlReader {
  readonly #handler: XmlHandler;
  readonly #aliases: ReadonlyMap<string, string>;
  readonly #outermost: XmlScope = outermostScope();
  readonly #open: XmlTag[] = [];
  #scope = this.#outermost;
  #expected: Expectation = { tag: undefined };
  #remembered = 0;
  /** The codes of the text that is read now, and a 0 behind them. */
  #codes = new Uint16Array(0);
  /** What arrived and can't be read without what follows. */
  #rest = '';
  #text = '';
  #isCdata = false;
  #hasBegun = false;
  #isAtStart = true;
  #hasRoot = false;

  /** @param aliases what to call namespaces in the names of elements */
  constructor(handler: XmlHandler, aliases: ReadonlyMap<string, string>) {
    this.#handler = handler;
    this.#aliases = aliases;
  }

  /** Whether the root element is closed. Only space, comments and processing instructions may follow. */
  get isComplete(): boolean {
    return this.#hasRoot && this.#open.length === 0;
  }

  /**
   * Reads the chunk from an index on; stops behind the end of the root element.
   *
   * @returns the index up to which it was read
   * @throws XmlError when the document is not well-formed or goes beyond a limit: the reader is of no use after that
   */
  write(chunk: string, from = 0): number {
    for (let at = from; at < chunk.length; ) {
      const slice = chunk.slice(at, at + SLICE);
      const kept = this.#rest.length;
      const wasComplete = this.isComplete;
      const read = this.#read(kept === 0 ? slice : this.#rest + slice) - kept;
      if (this.isComplete && !wasComplete) return at + read;
      at += slice.length;
    }
    return Math.max(from, chunk.length);
  }

  /**
   * Says that nothing follows.
   *
   * @throws XmlError when the document is not complete
   */
  end(): void {
    if (!this.#hasRoot) throw new XmlError('no root element');
    if (this.#open.length > 0) throw new XmlError('an unclosed element');
    if (this.#rest.trim() !== '') throw new XmlError('an unexpected end');
  }

  /** Reads as much as can be; the rest is kept. Returns the index behind the root element if that ends here. */
  #read(text: string): number {
    this.#encode(text);
    const isTail = this.isComplete;
    let at = 0;
    if (!this.#hasBegun && text.charCodeAt(0) === BYTE_ORDER_MARK) at++;
    this.#hasBegun = true;
    this.#rest = '';
    while (at < text.length) {
      const next = this.#isCdata ? this.#readCdata(text, at) : this.#readNext(text, at);
      if (next === CUT) {
        if (text.length - at > MAX_MARKUP) throw tooLong();
        this.#rest = text.slice(at);
        break;
      }
      at = next;
      if (!isTail && this.#open.length === 0 && this.#hasRoot) break;
    }
    return at;
  }

  /** Lays the text's codes out in an array: that is read three times as fast as a string is (measured, Node 20). */
  #encode(text: string): void {
    if (this.#codes.length <= text.length) {
      const { buffer } = Buffer.allocUnsafeSlow(2 * (text.length + MAX_MARKUP));
      this.#codes = new Uint16Array(buffer);
    }
    Buffer.from(this.#codes.buffer).write(text, 'utf16le');
    this.#codes[text.length] = 0;
  }

  /** Reads the text up to the next markup, and that. Returns the index behind it; `CUT` when the rest is missing. */
  #readNext(text: string, at: number): number {
    const codes = this.#codes;
    if (codes[at] === LESS) return this.#readMarkup(text, at);
    this.#isAtStart = false;
    let end = at;
    while (special[codes[end] as number] === 0) end++;
    const isPlain = codes[end] === LESS || end === text.length;
    if (!isPlain) {
      end = text.indexOf('<', end);
      if (end === -1) end = text.length - openEnd(text.slice(at));
      if (end === at) return CUT;
    }
    const raw = text.slice(at, end);
    if (this.#open.length === 0) {
      if (!isSpace(raw)) throw new XmlError('text outside the root element');
    } else this.#addText(isPlain ? raw : decodeText(raw));
    return end;
  }

  #addText(text: string): void {
    this.#text = this.#text === '' ? text : this.#text + text;
    if (this.#text.length > MAX_TEXT) throw new XmlError('a text that is too long');
  }

  #readMarkup(text: string, less: number): number {
    if (less + 1 === text.length) return CUT;
    switch (this.#codes[less + 1]) {
      case SLASH:
        return this.#readEndTag(text, less);
      case EXCLAMATION:
        return this.#readCommentOrCdata(text, less);
      case QUESTION: {
        const end = text.indexOf('?>', less + 2);
        if (end === -1) return CUT;
        checkInstruction(markup(text, less + 2, end), this.#isAtStart);
        this.#isAtStart = false;
        return end + 2;
      }
      default:
        return this.#readStartTag(text, less);
    }
  }

  #readStartTag(text: string, less: number): number {
    let tag = this.#expected.tag;
    if (tag === undefined || !standsAt(tag.codes, tag.codes.length, this.#codes, less + 1)) {
      tag = this.#findTag(text, less);
      if (tag === undefined) return CUT;
      this.#expected.tag = tag;
    }
    this.#text = '';
    if (this.#open.length === 0) {
      this.#isAtStart = false;
      if (this.#hasRoot) throw new XmlError('more than one root element');
      this.#hasRoot = true;
    }
    this.#handler.open(tag.element);
    if (tag.isEmpty) {
      this.#handler.close(tag.element, '');
      this.#expected = tag.after;
    } else {
      if (this.#open.length === MAX_DEPTH) throw new XmlError('elements nested too deeply');
      this.#open.push(tag);
      this.#scope = tag.scope;
      this.#expected = tag.inside;
    }
    return less + tag.codes.length + 2;
  }

  /** The start-tag at an index; undefined when its end has not come yet. */
  #findTag(text: string, less: number): XmlTag | undefined {
    let greater = text.indexOf('>', less);
    if (greater === -1) return undefined;
    // No tag ends within a quoted value: what is remembered has its quotes closed.
    const known = this.#scope.tags.get(text.slice(less + 1, greater));
    if (known !== undefined) return known;
    greater = tagEnd(this.#codes, less, text.length);
    return greater === -1 ? undefined : this.#newTag(markup(text, less + 1, greater), less + 1);
  }

  #newTag(raw: string, at: number): XmlTag {
    const tag = readTag(raw, this.#codes.slice(at, at + raw.length), this.#scope, this.#aliases);
    if (raw.length <= REMEMBERED_LENGTH && this.#remembered < REMEMBERED) {
      this.#scope.tags.set(raw, tag);
      this.#remembered++;
    }
    return tag;
  }

  #readEndTag(text: string, less: number): number {
    const depth = this.#open.length;
    if (depth === 0) throw new XmlError('an end-tag without its beginning');
    const { element, codes, nameLength, after } = this.#open[depth - 1] as XmlTag;
    let greater = less + 2 + nameLength;
    if (!standsAt(codes, nameLength, this.#codes, less + 2)) {
      greater = text.indexOf('>', less);
      if (greater === -1) return CUT;
      const space = markup(text, less + 2, greater).slice(nameLength);
      if (space === '' || !isSpace(space) || !startsAt(codes, nameLength, this.#codes, less + 2)) {
        throw new XmlError('an end-tag that does not match its beginning');
      }
    }
    this.#open.pop();
    this.#scope = depth === 1 ? this.#outermost : (this.#open[depth - 2] as XmlTag).scope;
    this.#expected = after;
    const value = this.#text;
    this.#text = '';
    this.#handler.close(element, value);
    return greater + 1;
  }

  #readCommentOrCdata(text: string, less: number): number {
    if (text.startsWith('<!--', less)) {
      const end = text.indexOf('--', less + 4);
      if (end === -1 || end + 2 === text.length) return CUT;
      if (text.charCodeAt(end + 2) !== GREATER) throw new XmlError('a comment with two hyphens in it');
      checkCharacters(markup(text, less + 4, end));
      return end + 3;
    }
    const beginning = text.slice(less, less + CDATA.length);
    if (beginning === CDATA) {
      if (this.#open.length === 0) throw new XmlError('text outside the root element');
      this.#isCdata = true;
      return less + CDATA.length;
    }
    if (CDATA.startsWith(beginning) || '<!--'.startsWith(beginning)) return CUT;
    throw new XmlError('a document type declaration');
  }

  #readCdata(text: string, at: number): number {
    const end = text.indexOf(']]>', at);
    const until = end === -1 ? text.length - openEnd(text.slice(at)) : end;
    if (until > at) this.#addText(decodeCdata(text.slice(at, until)));
    if (end === -1) return until === at ? CUT : until;
    this.#isCdata = false;
    return end + 3;
  }
}

/** Whether the first `length` codes of `expected`, and then a `>`, stand at an index. */
function standsAt(expected: Uint16Array, length: number, codes: Uint16Array, at: number): boolean {
  return codes[at + length] === GREATER && startsAt(expected, length, codes, at);
}

function startsAt(expected: Uint16Array, length: number, codes: Uint16Array, at: number): boolean {
  for (let index = 0; index < length; index++) if (codes[at + index] !== expected[index]) return false;
  return true;
}

/** What stands inside a piece of markup. */
function markup(text: string, start: number, end: number): string {
  if (end - start > MAX_MARKUP) throw tooLong();
  return text.slice(start, end);
}

function tooLong(): XmlError {
  return new XmlError('a tag, comment or processing instruction that is too long');
}

/** The index of the `>` that ends a tag, quoted ones aside; -1 when it has not come yet. */
function tagEnd(codes: Uint16Array, less: number, end: number): number {
  let quote = 0;
  for (let index = less + 1; index < end; index++) {
    const code = codes[index] as number;
    if (code === LESS) throw new XmlError('a < in a tag');
    if (quote !== 0) {
      if (code === quote) quote = 0;
    } else if (code === GREATER) return index;
    else if (code === QUOTE || code === APOSTROPHE) quote = code;
  }
  return -1;
}

function isSpace(text: string): boolean {
  return /^[ \t\r\n]*$/.test(text);
}
