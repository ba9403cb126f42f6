import { XmlReader } from './xml-reader.ts';
import type { Attributes, XmlElement } from './xml-tag.ts';
import { XmlError } from './xml-text.ts';

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

const BEGINNING = 512;

/**
 * Reads one SOAP message as it arrives, in chunks cut anywhere (SOAP 1.1 §4; Namespaces in XML 1.0).
 *
 * Elements are matched by namespace and local name: Exchange and the proxies before it use the prefixes `s`, `soap`,
 * `soap11`, `SOAP` and none. Nothing here throws: what can't be read is `SoapMessage.problem`. A document type
 * declaration is refused, so that no entity but XML's five is ever expanded.
 */
export class SoapReader {
  readonly #xml: XmlReader;
  readonly #handler: BodyHandler;
  readonly #names: string[] = [];
  #hasBody = false;
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
    this.#xml = new XmlReader(
      { open: (element) => this.#open(element), close: (element, text) => this.#close(element, text) },
      aliases,
    );
  }

  /** Whether the envelope's end was read. */
  get isComplete(): boolean {
    return this.#xml.isComplete;
  }

  /** Why what was read so far is no SOAP message; nothing is read after that. */
  get problem(): string | undefined {
    return this.#problem;
  }

  write(chunk: string): void {
    for (let at = 0; at < chunk.length; ) at = this.writeUntilEnd(chunk, at);
  }

  /**
   * Reads a chunk from an index on, up to the envelope's end at most: another envelope may follow.
   *
   * @returns the index up to which it was read
   */
  writeUntilEnd(chunk: string, from: number): number {
    if (this.#beginning.length < BEGINNING)
      this.#beginning += chunk.slice(from, from + BEGINNING - this.#beginning.length);
    let end = chunk.length;
    this.#attempt(() => {
      end = this.#xml.write(chunk, from);
    });
    return end;
  }

  /** Call once, after the last chunk. */
  end(): SoapMessage {
    this.#attempt(() => this.#xml.end());
    if (this.#problem === undefined && !this.#hasBody) this.#problem = 'a SOAP envelope without a body';
    return {
      fault: this.#inFault
        ? { code: this.#responseCode ?? this.#faultCode, text: this.#faultText.replace(/\s+/g, ' ').trim() }
        : undefined,
      backOff: this.#backOff,
      problem: this.#problem,
      beginning: this.#problem === undefined ? '' : this.#beginning,
    };
  }

  #attempt(read: () => void): void {
    if (this.#problem !== undefined) return;
    try {
      read();
    } catch (error) {
      this.#problem = (error as Error).message;
    }
  }

  #open({ name, local, attributes }: XmlElement): void {
    const depth = this.#names.length;
    this.#names.push(name);
    this.#isBackOff = local === 'Value' && attributes.Name?.value === 'BackOffMilliseconds';
    if (depth === 0 && name !== 's:Envelope') throw new XmlError(`an XML document <${local.slice(0, 40)}>`);
    if (depth > 0 && name === 's:Envelope') throw new XmlError('an envelope within another');
    if (depth === 1 && name === 's:Body') {
      if (this.#hasBody) throw new XmlError('an envelope with two bodies');
      this.#hasBody = true;
    }
    if (depth < 2 || this.#names[1] !== 's:Body') return;
    if (depth === 2 && name === 's:Fault') this.#inFault = true;
    if (!this.#inFault) this.#handler.open(name, attributes);
  }

  #close({ local }: XmlElement, text: string): void {
    const name = this.#names.pop() as string;
    if (this.#isBackOff) this.#readBackOff(text);
    this.#isBackOff = false;
    if (this.#names[1] !== 's:Body') return;
    if (this.#inFault) this.#closeInFault(local, text.trim());
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
