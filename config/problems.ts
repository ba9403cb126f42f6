import type { z } from 'zod';
import type { ConfigurationProblem } from './configuration-error.ts';
import { nearest } from './nearest.ts';
import type { Path, Position, YamlSource } from './yaml-source.ts';

type Issue = z.core.$ZodIssue;

/** Collects what is wrong with one file: one problem for each place, the first that was found there. */
export class Problems {
  readonly #file: string;
  readonly #source: YamlSource;
  readonly #byPlace = new Map<string, ConfigurationProblem & Position>();

  constructor(file: string, source: YamlSource) {
    this.#file = file;
    this.#source = source;
    for (const { position, path, found, expected } of source.faults) {
      this.#add(position, formatPath(path), found, expected);
    }
  }

  /** All of them, in the order of the file. */
  get list(): readonly ConfigurationProblem[] {
    return [...this.#byPlace.values()].sort((a, b) => a.line - b.line || a.column - b.column);
  }

  /** `found` is what is written there unless given. */
  addAt(path: Path, expected: string, found = this.#describe(path), part: 'key' | 'value' = 'value'): void {
    this.#add(this.#source.positionOf(path, part), formatPath(path), found, expected);
  }

  /** The issues of a parse with `expectedBy` as its error map. */
  addIssues(issues: readonly Issue[], around: Path = []): void {
    for (const issue of issues) {
      const path = [...around, ...issue.path];
      if (issue.code === 'unrecognized_keys') this.#addUnknown(issue, path);
      else if (issue.code === 'invalid_key') {
        this.addAt(path, issue.issues[0]?.message ?? issue.message, quote(String(path.at(-1))), 'key');
      } else if (issue.code === 'invalid_union') {
        const branch = this.#branchMeant(issue);
        if (branch === undefined) this.addAt(path, issue.message);
        else this.addIssues(branch, path);
      } else {
        const wantsParts = issue.code === 'invalid_type' && ['object', 'record', 'array'].includes(issue.expected);
        const isText = typeof this.#source.at(path) === 'string';
        this.addAt(path, issue.message, wantsParts && isText ? 'text' : this.#describe(path, inEffect(issue)));
      }
    }
  }

  #add(position: Position, key: string, found: string, expected: string): void {
    const place = key === '' ? `${position.line}:${position.column}` : key;
    if (!this.#byPlace.has(place)) this.#byPlace.set(place, { file: this.#file, ...position, key, found, expected });
  }

  #addUnknown(issue: z.core.$ZodIssueUnrecognizedKeys, path: Path): void {
    const known = issue.message.split(', ');
    for (const key of issue.keys) {
      const meant = nearest(key, known);
      const expected = meant === undefined ? `one of ${issue.message}` : `a known one: did you mean ${meant}?`;
      this.addAt([...path, key], expected, 'an unknown key', 'key');
    }
  }

  /** Where the value has one branch's type, its faults lie deeper: they are worth telling. */
  #branchMeant(issue: z.core.$ZodIssueInvalidUnion): readonly Issue[] | undefined {
    return issue.errors.find((branch) =>
      branch.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
    );
  }

  /** What stands at a path, in a way that can be shown to anybody. */
  #describe(path: Path, otherwise?: string): string {
    const value = this.#source.at(path);
    if (value === undefined && otherwise !== undefined) return `${otherwise} (the default)`;
    if (value === undefined || value === null) return 'nothing';
    if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
    if (typeof value === 'object') return 'a mapping';
    if (isSecret(path)) return 'a value that is not shown here';
    // user:password, as other programs take it.
    if (path.at(-1) === 'username' && typeof value === 'string') return quote(value.replace(/:.+$/s, ':…'));
    return typeof value === 'string' ? quote(value) : String(value);
  }
}

/** Zod's error map: an issue's message is what is expected; for unknown keys, the known ones. */
export function expectedBy(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeNames[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return `one of ${issue.values.join(', ')}`;
    case 'unrecognized_keys':
      return Object.keys((issue.inst as z.ZodObject | undefined)?.shape ?? {}).join(', ');
    default:
      return 'another value';
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  object: 'a mapping of keys to values',
  record: 'a mapping of keys to values',
  array: 'a list',
};

/** Whether a path is, or lies within, a value that must not be seen. */
export function isSecret(path: Path): boolean {
  return path.some(isSecretKey);
}

function isSecretKey(key: PropertyKey): boolean {
  return key === 'secret' || key === 'password' || key === 'clientSecret';
}

function inEffect(issue: Issue): string | undefined {
  const value: unknown = issue.code === 'custom' ? issue.params?.inEffect : undefined;
  return typeof value === 'string' ? value : undefined;
}

function quote(value: string): string {
  // An address may carry a password before its @.
  const shown = value.replace(/:.*@/s, ':…@');
  return JSON.stringify(shown.length > 80 ? `${shown.slice(0, 80)}…` : shown);
}

/** `exchange.servers[0].url` */
function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\w-]+$/.test(String(step))) text += text === '' ? String(step) : `.${String(step)}`;
    else text += `[${JSON.stringify(String(step))}]`;
    // Below a secret even keys may be a piece of it, torn off by YAML.
    if (isSecretKey(step)) break;
  }
  return text;
}
