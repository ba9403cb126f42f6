import { SaxesParser, type SaxesTagNS } from 'saxes';

/** A SOAP fault: why the server did not do what was asked. `text` may name people: for the debug log only. */
type SoapFault = { readonly code: string | undefined; readonly text: string };

/** What a message said besides its body's own contents. */
export type SoapMessage = {
  readonly fault: SoapFault | undefined;
  /** The longest back-off that stands anywhere in the message, in milliseconds. */
  readonly backOff: number | undefined;
  /** Why the text is no SOAP message; undefined when it is one, complete and well-formed. */
  readonly problem: string | undefined;
  /** The beginning of a text that is no SOAP message, to tell an HTML page from line noise. */
  readonly beginning: string;
};

export type Attributes = SaxesTagNS['attributes'];

/** Receives the elements inside the SOAP body, named `m:` (messages), `t:` (types) or `?:` (other) + local name. */
export interface BodyHandler {
  open(name: string, attributes: Attributes): void;
  /** `text` is the element's text since its last child, if any: all of it, in an element without children. */
  close(name: string, text: string): void;
}

const aliases: ReadonlyMap<string, string> = new Map([
  ['http://schemas.xmlsoap.org/soap/envelope/', 's'],
  ['http://www.w3.org/2003/05/soap-envelope', 's'],
  ['http://schemas.microsoft.com/exchange/services/2006/messages', 'm'],
  ['http://schemas.microsoft.com/exchange/services/2006/types', 't'],
]);

/** Exchange's own answers are 13 deep at most. */
const MAX_DEPTH = 64;
const BEGINNING = 512;

/**
 * Reads one SOAP message as it arrives, in chunks cut anywhere (SOAP 1.1 §4; Namespaces in XML 1.0).
 *
 * Elements are matched by namespace and local name: Exchange and the proxies before it use the prefixes `s`, `soap`,
 * `soap11`, `SOAP` and none. Nothing here throws: what can't be read is `SoapMessage.problem`. A document type
 * declaration is refused, so that no entity but XML's five is ever expanded.
 */
export class SoapReader {
  readonly #parser = new SaxesParser({ xmlns: true, position: false });
  readonly #handler: BodyHandler;
  readonly #names: string[] = [];
  #text = '';
  #inBody = false;
  #inFault = false;
  #faultCode: string | undefined;
  #responseCode: string | undefined;
  #faultText = '';
  #backOff: number | undefined;
  #isBackOff = false;
  #problem: string | undefined;
  #beginning = '';

  constructor(handler: BodyHandler) {
    this.#handler = handler;
    this.#parser.on('opentag', (tag) => this.#open(tag));
    this.#parser.on('closetag', (tag) => this.#close(tag));
    this.#parser.on('text', (text) => {
      this.#text += text;
    });
    this.#parser.on('cdata', (text) => {
      this.#text += text;
    });
    this.#parser.on('doctype', () => {
      throw new Error('a document type declaration');
    });
    this.#parser.on('error', (error) => {
      throw error;
    });
  }

  write(chunk: string): void {
    if (this.#beginning.length < BEGINNING) this.#beginning += chunk.slice(0, BEGINNING - this.#beginning.length);
    if (this.#problem === undefined) this.#attempt(() => this.#parser.write(chunk));
  }

  /** Call once, after the last chunk. */
  end(): SoapMessage {
    if (this.#problem === undefined) this.#attempt(() => this.#parser.close());
    if (this.#problem === undefined && !this.#inBody) this.#problem = 'a SOAP envelope without a body';
    return {
      fault: this.#inFault
        ? { code: this.#responseCode ?? this.#faultCode, text: this.#faultText.replace(/\s+/g, ' ').trim() }
        : undefined,
      backOff: this.#backOff,
      problem: this.#problem,
      beginning: this.#problem === undefined ? '' : this.#beginning,
    };
  }

  #attempt(parse: () => void): void {
    try {
      parse();
    } catch (error) {
      // saxes puts a position before its messages ("undefined:1:5: …" without a file name).
      this.#problem = (error as Error).message.replace(/^(\w*:)?\d+:\d+: /, '').replace(/\.$/, '');
    }
  }

  #open(tag: SaxesTagNS): void {
    const depth = this.#names.length;
    if (depth >= MAX_DEPTH) throw new Error('elements nested too deeply');
    const name = `${aliases.get(tag.uri) ?? '?'}:${tag.local}`;
    this.#names.push(name);
    this.#text = '';
    this.#isBackOff = tag.local === 'Value' && tag.attributes.Name?.value === 'BackOffMilliseconds';
    if (depth === 0 && name !== 's:Envelope') throw new Error(`an XML document <${tag.local.slice(0, 40)}>`);
    if (depth === 1 && name === 's:Body') this.#inBody = true;
    if (depth < 2 || this.#names[1] !== 's:Body') return;
    if (depth === 2 && name === 's:Fault') this.#inFault = true;
    if (!this.#inFault) this.#handler.open(name, tag.attributes);
  }

  #close(tag: SaxesTagNS): void {
    const name = this.#names.pop() as string;
    const text = this.#text;
    this.#text = '';
    if (this.#isBackOff) this.#readBackOff(text);
    this.#isBackOff = false;
    if (this.#names[1] !== 's:Body') return;
    if (this.#inFault) this.#closeInFault(tag.local, text.trim());
    else this.#handler.close(name, text);
  }

  #closeInFault(local: string, text: string): void {
    // By local name alone: SOAP 1.1 has these without a namespace, Exchange's detail is in `…/errors` or `…/types`.
    if (local === 'ResponseCode' && text !== '') this.#responseCode = text;
    else if ((local === 'faultcode' || local === 'Value') && /(^|:)Error\w+$/.test(text)) {
      this.#faultCode ??= text.slice(text.indexOf(':') + 1);
    } else if (local === 'faultstring' || local === 'Text') this.#faultText = text;
  }

  #readBackOff(text: string): void {
    // Exchange puts several Values into one MessageXml, this one not always first; a nested one may say more.
    const milliseconds = Number(text.trim() || Number.NaN);
    if (milliseconds >= 0) this.#backOff = Math.max(this.#backOff ?? 0, milliseconds);
  }
}

/** Escapes a text for use as element content or in a double-quoted attribute (XML 1.0 §2.4). */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Whether a text has only characters that an XML 1.0 document may hold (§2.2). */
export function isXmlText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return !/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Surrogate}/u.test(text);
}
