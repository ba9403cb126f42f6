/** One thing to mend in a configuration. `found` and `expected` never hold a secret. */
export type ConfigurationProblem = {
  readonly file: string;
  /** 1-based; absent when the problem is the file itself. */
  readonly line?: number;
  /** 1-based, in UTF-16 code units. */
  readonly column?: number;
  /** The key's place, as in `exchange.servers[0].url`; empty when the problem is no key's. */
  readonly key: string;
  readonly found: string;
  readonly expected: string;
};

/** A configuration that can't be used, with everything that is wrong in it, in the order of the file. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

/** `gateway.yaml:3:9: xmpp.port: found "abc", expected a whole number from 1 to 65535` */
function formatProblem({ file, line, column, key, found, expected }: ConfigurationProblem): string {
  const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`;
  return `${place}: ${key === '' ? '' : `${key}: `}found ${found}, expected ${expected}`;
}
