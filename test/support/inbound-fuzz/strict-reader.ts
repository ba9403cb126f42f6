import { StringDecoder } from 'node:string_decoder';
import { SaxesParser } from 'saxes';

/** An element as saxes read it. */
export type XmlNode = {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string | undefined>>;
  readonly children: XmlNode[];
};

/**
 * Reads one direction of a stream as the letter of the standards has it: XML 1.0, of which RFC 6120 §11.1 leaves out
 * comments, processing instructions and document types. The oracle of what was said.
 */
export class StrictReader {
  /** Why nothing more is read, since the stream is none or has ended. */
  end: string | undefined;
  readonly #limit: number;
  /** Characters since the last whole stanza, or somewhat fewer. */
  #unfinished = 0;
  readonly #parser = new SaxesParser({ defaultXMLVersion: '1.0', forceXMLVersion: true });
  readonly #decoder = new StringDecoder('utf8');
  readonly #open: XmlNode[] = [];
  /** Hands over the last element: saxes closes one also at a tag for another, and complains thereafter. */
  #complete: (() => void) | undefined;

  /**
   * @param limit the most characters of one stanza
   * @param onElement called with each child of the stream's root, and the root
   */
  constructor(limit: number, onElement: (element: XmlNode, root: XmlNode) => void) {
    this.#limit = limit;
    const parser = this.#parser;
    const refuse = (what: string) => () => {
      this.#flush();
      throw new Error(`restricted: ${what}`);
    };
    parser.on('error', (error) => {
      if (!error.message.includes('unexpected close tag')) this.#flush();
      throw error;
    });
    parser.on('comment', refuse('comment'));
    parser.on('processinginstruction', refuse('processing instruction'));
    parser.on('doctype', refuse('document type'));
    parser.on('opentag', ({ name, attributes }) => {
      this.#flush();
      // Plain strings, since namespaces are not asked for.
      const node: XmlNode = { name, attributes: attributes as Record<string, string>, children: [] };
      if (this.#open.length > 1) this.#open.at(-1)?.children.push(node);
      this.#open.push(node);
    });
    parser.on('closetag', () => {
      const node = this.#open.pop() as XmlNode;
      const [root] = this.#open;
      if (root === undefined) {
        this.#flush();
        throw new Error('the stream was closed');
      }
      if (this.#open.length > 1) return;
      this.#unfinished = 0;
      this.#flush();
      this.#complete = () => onElement(node, root);
    });
  }

  write(bytes: Buffer): void {
    if (this.end !== undefined) return;
    const text = this.#decoder.write(bytes);
    this.#unfinished += text.length;
    try {
      if (this.#unfinished > this.#limit) throw new Error('a stanza is too large');
      this.#parser.write(text);
      this.#flush();
    } catch (error) {
      this.end = error instanceof Error ? error.message : String(error);
    }
  }

  #flush(): void {
    const complete = this.#complete;
    this.#complete = undefined;
    complete?.();
  }
}

/** The namespace of an element of the stream; its prefix is declared on it or on the root. */
export function namespaceOf({ name, attributes }: XmlNode, root: XmlNode): string | undefined {
  const prefix = name.includes(':') ? `xmlns:${name.slice(0, name.indexOf(':'))}` : 'xmlns';
  return attributes[prefix] ?? root.attributes[prefix];
}
