// The structural checks: they hold without the official schemas, and say the same as they do.
// docs: ResponseCode (ErrorSchemaValidation), https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode

import type { XmlElement } from './xml-element.ts';

/** A request that Exchange answers with a SOAP fault: `code` is its ResponseCode. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** How often a child may occur: once, at most once, any number of times. */
type Occurrence = '1' | '?' | '*';

/**
 * Reads the children of an element that is a sequence: only those named, in that order, as often as allowed.
 *
 * @param uri the namespace of the children, of all of them or of each
 * @throws Refusal (ErrorSchemaValidation)
 */
export function readChildren<Name extends string>(
  element: XmlElement,
  uri: string | Readonly<Record<Name, string>>,
  sequence: Readonly<Record<Name, Occurrence>>,
): Readonly<Record<Name, readonly XmlElement[]>> {
  const found = {} as Record<Name, XmlElement[]>;
  let next = 0;
  for (const name of Object.keys(sequence) as Name[]) {
    const namespace = typeof uri === 'string' ? uri : uri[name];
    const matches: XmlElement[] = [];
    for (let child = element.children[next]; child?.local === name && child.uri === namespace; ) {
      matches.push(child);
      child = element.children[++next];
      if (sequence[name] !== '*') break;
    }
    if (sequence[name] === '1' && matches.length === 0) {
      throw new Refusal('ErrorSchemaValidation', `${element.local} lacks its child ${name}`);
    }
    found[name] = matches;
  }
  const extra = element.children[next];
  if (extra !== undefined) {
    throw new Refusal('ErrorSchemaValidation', `${element.local} can't have the child ${extra.local} at this place`);
  }
  if (element.text.trim() !== '') throw new Refusal('ErrorSchemaValidation', `${element.local} can't hold text`);
  return found;
}

/** @throws Refusal (ErrorSchemaValidation) */
export function readInteger({ local, text }: XmlElement): number {
  if (!/^\s*[+-]?\d{1,9}\s*$/.test(text)) throw new Refusal('ErrorSchemaValidation', `${local} is no integer: ${text}`);
  return Number(text);
}

/** @throws Refusal (ErrorSchemaValidation) */
export function readWord<Word extends string>({ local, text }: XmlElement, known: readonly Word[]): Word {
  const word = known.find((one) => one === text);
  if (word === undefined) throw new Refusal('ErrorSchemaValidation', `${local} can't be "${text}"`);
  return word;
}
