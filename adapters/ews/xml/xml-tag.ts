import { checkCharacters, decodeAttribute, XmlError } from './xml-text.ts';

/** Attributes by their names as they are written; those that declare namespaces are not among them. */
export type Attributes = Readonly<Record<string, { readonly value: string } | undefined>>;

export type XmlElement = {
  /** The alias of the namespace, `:`, the local name. */
  readonly name: string;
  readonly local: string;
  readonly attributes: Attributes;
};

/** The namespaces that hold in a place, by prefix ('' is the default one), and the tags that were read there. */
export type XmlScope = {
  readonly namespaces: ReadonlyMap<string, string>;
  readonly tags: Map<string, XmlTag>;
};

/** The start-tag that came in a certain place the last time, and will probably come again. */
export type Expectation = { tag: XmlTag | undefined };

/** A start-tag, or the tag of an empty element. */
export type XmlTag = {
  /** The UTF-16 codes of what stands between `<` and `>`. */
  readonly codes: Uint16Array;
  readonly element: XmlElement;
  /** How many of these codes are the name. */
  readonly nameLength: number;
  readonly isEmpty: boolean;
  /** What holds inside the element. */
  readonly scope: XmlScope;
  /** What comes as its first child. */
  readonly inside: Expectation;
  /** What comes as its next sibling. */
  readonly after: Expectation;
};

const XML = 'http://www.w3.org/XML/1998/namespace';
const XMLNS = 'http://www.w3.org/2000/xmlns/';

/** What holds before anything is declared. */
export function outermostScope(): XmlScope {
  const namespaces = [
    ['', ''],
    ['xml', XML],
  ] as const;
  return { namespaces: new Map(namespaces), tags: new Map() };
}

// The productions NCName of Namespaces in XML 1.0 §3, and S of XML 1.0 §2.3.
const START =
  'A-Z_a-z\\xc0-\\xd6\\xd8-\\xf6\\xf8-\\u02ff\\u0370-\\u037d\\u037f-\\u1fff\\u200c\\u200d\\u2070-\\u218f' +
  '\\u2c00-\\u2fef\\u3001-\\ud7ff\\uf900-\\ufdcf\\ufdf0-\\ufffd\\u{10000}-\\u{effff}';
const NAME = `[${START}][${START}\\-.0-9\\xb7\\u0300-\\u036f\\u203f\\u2040]*`;
const S = '[ \\t\\r\\n]';
const qualifiedNames = new RegExp(`(?:(${NAME}):)?(${NAME})`, 'uy');
const attributes = new RegExp(`${S}+(?:(${NAME}):)?(${NAME})${S}*=${S}*(?:"([^"<]*)"|'([^'<]*)')`, 'uy');
const ends = new RegExp(`${S}*(/?)$`, 'uy');
const processingTargets = new RegExp(`^${NAME}(?:${S}|$)`, 'u');
const declarations = new RegExp(
  `^xml${S}+version${S}*=${S}*(["'])1\\.[0-9]+\\1` +
    `(?:${S}+encoding${S}*=${S}*(["'])[A-Za-z][A-Za-z0-9._-]*\\2)?` +
    `(?:${S}+standalone${S}*=${S}*(["'])(?:yes|no)\\3)?${S}*$`,
);

/** What stands between `<` and `>`, read as a start-tag (XML 1.0 §3.1, Namespaces in XML 1.0). */
type RawTag = {
  readonly prefix: string;
  readonly local: string;
  readonly nameLength: number;
  readonly attributes: readonly { readonly prefix: string; readonly local: string; readonly value: string }[];
  readonly isEmpty: boolean;
};

/**
 * Reads what stands between the `<` and the `>` of a tag.
 *
 * @param codes the same text's UTF-16 codes
 * @param aliases what to call namespaces; `?` is any other
 * @throws XmlError when it is not well-formed, or not by the rules of namespaces
 */
export function readTag(
  raw: string,
  codes: Uint16Array,
  outer: XmlScope,
  aliases: ReadonlyMap<string, string>,
): XmlTag {
  const tag = splitTag(raw);
  const declared = tag.attributes.filter(isDeclaration);
  const scope = declared.length === 0 ? outer : innerScope(outer, declared);
  const uri = namespaceOf(tag.prefix, scope);
  const known = new Set<string>();
  const values: Record<string, { readonly value: string }> = Object.create(null);
  for (const { prefix, local, value } of tag.attributes) {
    const isDeclaring = isDeclaration({ prefix, local });
    // An attribute without a prefix is in no namespace, whatever the default one is.
    const space = isDeclaring ? XMLNS : prefix === '' ? '' : namespaceOf(prefix, scope);
    const identity = `${prefix === '' && isDeclaring ? '' : local} ${space}`;
    if (known.has(identity)) throw new XmlError('an attribute that stands twice');
    known.add(identity);
    if (!isDeclaring) values[prefix === '' ? local : `${prefix}:${local}`] = { value };
  }
  return {
    codes,
    element: { name: interned(`${aliases.get(uri) ?? '?'}:${tag.local}`), local: tag.local, attributes: values },
    nameLength: tag.nameLength,
    isEmpty: tag.isEmpty,
    scope,
    inside: { tag: undefined },
    after: { tag: undefined },
  };
}

/** @throws XmlError when what stands between `<?` and `?>` is no processing instruction, or no XML declaration */
export function checkInstruction(text: string, isAtStart: boolean): void {
  checkCharacters(text);
  const target = /^[^ \t\r\n]*/.exec(text)?.[0] ?? '';
  if (isAtStart && target === 'xml') {
    // The encoding that it names is not looked at: the text is decoded already, and .NET often names the wrong one.
    if (!declarations.test(text)) throw new XmlError('an XML declaration that is none');
  } else if (target.toLowerCase() === 'xml') throw new XmlError('an XML declaration that is not at the beginning');
  else if (!processingTargets.test(text)) throw new XmlError('a processing instruction without a target');
}

function splitTag(text: string): RawTag {
  const name = match(qualifiedNames, text, 0);
  if (name === null) throw new XmlError('a < that begins no tag');
  const nameLength = qualifiedNames.lastIndex;
  let at = nameLength;
  const found = [];
  for (let next = match(attributes, text, at); next !== null; next = match(attributes, text, at)) {
    at = attributes.lastIndex;
    const [, prefix = '', local = '', double, single = ''] = next;
    found.push({ prefix, local, value: decodeAttribute(double ?? single) });
  }
  const end = match(ends, text, at);
  if (end === null) throw new XmlError('a tag that is not well-formed');
  return { prefix: name[1] ?? '', local: name[2] as string, nameLength, attributes: found, isEmpty: end[1] === '/' };
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function isDeclaration({ prefix, local }: { readonly prefix: string; readonly local: string }): boolean {
  return prefix === 'xmlns' || (prefix === '' && local === 'xmlns');
}

function innerScope(outer: XmlScope, declared: RawTag['attributes']): XmlScope {
  const namespaces = new Map(outer.namespaces);
  for (const { prefix, local, value } of declared) {
    const name = prefix === '' ? '' : local;
    const isReserved = name === 'xmlns' || value === XMLNS || (name === 'xml') !== (value === XML);
    if (isReserved || (name !== '' && value === '')) throw new XmlError('a namespace declaration that is not allowed');
    namespaces.set(name, value);
  }
  return { namespaces, tags: new Map() };
}

function namespaceOf(prefix: string, scope: XmlScope): string {
  const uri = prefix === 'xmlns' ? undefined : scope.namespaces.get(prefix);
  if (uri === undefined) throw new XmlError('an unbound namespace prefix');
  return uri;
}

/** The same text as V8 holds its own copy of each name: comparing two of these is comparing two addresses. */
function interned(name: string): string {
  return Object.keys({ [name]: true })[0] as string;
}
