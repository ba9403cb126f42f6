import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
} from 'yaml';

/** The way to a value: keys of mappings and indices of lists. */
export type Path = readonly PropertyKey[];

/** 1-based; columns count UTF-16 code units. */
export type Position = { readonly line: number; readonly column: number };

/** The part of a plain value at a path; undefined where there is none. */
export function valueAt(whole: unknown, path: Path): unknown {
  let value = whole;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

/** Replaces the part of a plain value at a path; does nothing where there is no place for it. */
export function putAt(whole: unknown, path: Path, part: unknown): void {
  const holder = valueAt(whole, path.slice(0, -1));
  const step = path.at(-1);
  if (typeof holder === 'object' && holder !== null && step !== undefined) {
    (holder as Record<PropertyKey, unknown>)[step] = part;
  }
}

/** What is wrong with the text itself, before any key has a meaning. */
export type YamlFault = {
  readonly position: Position;
  readonly path: Path;
  readonly found: string;
  readonly expected: string;
};

/** A YAML text as a plain value that remembers where each of its parts stands. */
export class YamlSource {
  /** What is written: mappings are objects without a prototype. */
  readonly value: unknown;
  readonly faults: readonly YamlFault[];
  readonly #places: ReadonlyMap<string, Place>;

  /** Never throws: what can't be read is in `faults`, and the value is then of no use. */
  constructor(text: string) {
    const reader = new Reader(text);
    this.value = reader.value;
    this.faults = reader.faults;
    this.#places = reader.places;
  }

  /** What is written at a path; undefined when nothing is. */
  at(path: Path): unknown {
    return valueAt(this.value, path);
  }

  /** Where a path's value stands, or its key; for what is not written the key of the nearest thing around it. */
  positionOf(path: Path, part: 'key' | 'value'): Position {
    const place = this.#places.get(placeKey(path));
    if (place !== undefined) return place[part];
    for (let length = path.length - 1; length > 0; length--) {
      const around = this.#places.get(placeKey(path.slice(0, length)));
      if (around !== undefined) return around.key;
    }
    return { line: 1, column: 1 };
  }
}

type Place = { readonly key: Position; readonly value: Position };

/** Aliases are followed at most so often: nested ones multiply, and a few lines can stand for gigabytes. */
const MAX_ALIASES = 100;
const MAX_NODES = 500_000;

class Reader {
  readonly value: unknown;
  readonly faults: YamlFault[] = [];
  readonly places = new Map<string, Place>();
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;
  #aliases = 0;
  #nodes = 0;
  #tooMuch = false;

  constructor(text: string) {
    this.#document = parseDocument(isNestedTooDeep(text) ? '' : text, {
      lineCounter: this.#lines,
      // The library's messages quote the text around a fault, which may be a password: none of them is used.
      prettyErrors: false,
      // Duplicates are found below, where their path is known.
      uniqueKeys: false,
      stringKeys: true,
      resolveKnownTags: false,
      version: '1.2',
      schema: 'core',
    });
    if (isNestedTooDeep(text)) this.#addFault(0, [], 'RESOURCE_EXHAUSTION');
    const faultyLines = new Set<number>();
    for (const { code, pos } of [...this.#document.errors, ...this.#document.warnings].sort(
      (a, b) => a.pos[0] - b.pos[0],
    )) {
      const { line } = this.#position(pos[0]);
      if (!faultyLines.has(line)) this.#addFault(pos[0], [], code);
      faultyLines.add(line);
    }
    this.value = this.faults.length > 0 ? undefined : this.#read(this.#document.contents, []);
  }

  #addFault(offset: number | undefined, path: Path, code: string): void {
    const [found, expected] = explanations[code] ?? ['text that is not YAML', 'YAML 1.2'];
    this.faults.push({ position: this.#position(offset), path, found, expected });
  }

  #position(offset: number | undefined): Position {
    const { line, col } = this.#lines.linePos(offset ?? 0);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  #read(node: Node | null, path: Path): unknown {
    if (node === null) return null;
    if (++this.#nodes > MAX_NODES) this.#giveUp(node);
    if (this.#tooMuch) return null;
    if (isAlias(node)) return this.#follow(node, path);
    if (isMap(node)) {
      const mapping: Record<string, unknown> = Object.create(null);
      for (const { key, value } of node.items) this.#readPair(mapping, key as Scalar, value as Node | null, path);
      return mapping;
    }
    if (isSeq(node)) {
      return node.items.map((item, index) => {
        const position = this.#position((item as Node | null)?.range?.[0] ?? node.range?.[0]);
        const itemPath = [...path, index];
        this.places.set(placeKey(itemPath), { key: position, value: position });
        return this.#read(item as Node | null, itemPath);
      });
    }
    return (node as Scalar).value;
  }

  #readPair(mapping: Record<string, unknown>, key: Scalar, value: Node | null, path: Path): void {
    const name = String(key.value);
    const pairPath = [...path, name];
    const position = this.#position(key.range?.[0]);
    if (name in mapping) {
      const { line } = this.#keyPosition(pairPath);
      this.faults.push({
        position,
        path: pairPath,
        found: 'the key a second time',
        expected: `it once (it stands in line ${line})`,
      });
      return;
    }
    this.places.set(placeKey(pairPath), {
      key: position,
      value: isBlank(value) ? position : this.#position(value?.range?.[0]),
    });
    mapping[name] = this.#read(value, pairPath);
  }

  #keyPosition(path: Path): Position {
    return this.places.get(placeKey(path))?.key ?? { line: 1, column: 1 };
  }

  #follow(alias: Alias, path: Path): unknown {
    if (++this.#aliases > MAX_ALIASES) {
      this.#giveUp(alias);
      return null;
    }
    const anchored = alias.resolve(this.#document);
    if (anchored === undefined) this.#addFault(alias.range?.[0], path, 'BAD_ALIAS');
    return this.#read(anchored ?? null, path);
  }

  #giveUp(node: Node): void {
    if (this.#tooMuch) return;
    this.#tooMuch = true;
    this.#addFault(node.range?.[0], [], 'TOO_MUCH');
  }
}

/**
 * The library recurses into nested collections, and V8 ends the whole process when it has to compile a regular
 * expression at the end of the stack (seen with 100,000 brackets).
 */
function isNestedTooDeep(text: string): boolean {
  if (/(?:[-?:] +){100}/.test(text)) return true;
  let depth = 0;
  for (const character of text) {
    if (character === '[' || character === '{') depth++;
    else if (character === ']' || character === '}') depth--;
    if (depth > 100) return true;
  }
  return false;
}

function isBlank(value: Node | null): boolean {
  return value === null || value.range?.[0] === value.range?.[1];
}

function placeKey(path: Path): string {
  return JSON.stringify(path);
}

/** In our words by the library's error code: what is found, what is expected. */
const explanations: Readonly<Record<string, readonly [found: string, expected: string]>> = {
  TAB_AS_INDENT: ['a tab', 'spaces: YAML is not indented by tabs'],
  BAD_INDENT: ['a line that is indented otherwise than the lines it belongs to', 'the same indentation, by spaces'],
  MISSING_CHAR: ['something unfinished', 'the closing quote or bracket, or the ":" after a key'],
  MULTILINE_IMPLICIT_KEY: ['a line that is no "key: value"', 'a ":" and a space after the key'],
  BLOCK_AS_IMPLICIT_KEY: ['a second ": " in a line', 'one key in a line; a value that holds ": " stands in quotes'],
  BLOCK_IN_FLOW: ['an indented block within { } or [ ]', 'a closing bracket before it'],
  UNEXPECTED_TOKEN: ['text that YAML does not allow here', 'a value in quotes, if it holds { } [ ] or a quote'],
  BAD_ALIAS: ['a value that begins with *, which YAML takes for an alias', 'such a value in quotes'],
  BAD_SCALAR_START: ['a value that begins with a character that YAML reserves', 'such a value in quotes'],
  BAD_DQ_ESCAPE: ['a backslash within double quotes that YAML does not know', 'single quotes, or each backslash twice'],
  TAG_RESOLVE_FAILED: ['a value that begins with !, which YAML takes for a tag', 'such a value in quotes'],
  MULTIPLE_DOCS: ['a second document', 'one: no further line that begins with ---'],
  NON_STRING_KEY: ['a list or a mapping in place of a key', 'text; a value that begins with { or [ stands in quotes'],
  TOO_MUCH: ['aliases (*) that multiply', `at most ${MAX_ALIASES} of them`],
  RESOURCE_EXHAUSTION: ['a value nested too deep', 'fewer brackets'],
  BAD_DIRECTIVE: ['a line that begins with %', 'none'],
};
