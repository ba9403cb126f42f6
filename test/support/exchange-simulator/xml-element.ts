// A request as a tree: small, strict, without entities or document types.

import { SaxesParser } from 'saxes';

export type XmlElement = {
  readonly uri: string;
  readonly local: string;
  /** Attributes without a namespace. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: XmlElement[];
  /** The text directly inside, of all its pieces. */
  text: string;
};

/**
 * Parses a whole document.
 *
 * @throws Error when it is not well-formed, or has a document type declaration (no EWS server accepts one)
 */
export function parseXml(xml: string): XmlElement {
  const root: XmlElement = { uri: '', local: '', attributes: new Map(), children: [], text: '' };
  const open: XmlElement[] = [root];
  const parser = new SaxesParser({ xmlns: true });
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('doctype', () => {
    throw new Error('A document type declaration is not allowed');
  });
  parser.on('opentag', (tag) => {
    const attributes = new Map<string, string>();
    for (const { uri, local, value } of Object.values(tag.attributes)) if (uri === '') attributes.set(local, value);
    const element: XmlElement = { uri: tag.uri, local: tag.local, attributes, children: [], text: '' };
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  parser.on('closetag', () => {
    open.pop();
  });
  const addText = (text: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += text;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.write(xml).close();
  return root.children[0] as XmlElement;
}
