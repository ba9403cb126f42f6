import { styleText } from 'node:util';
import { type CheckFinding, type Severity, worstOf } from '../ews/check/check-finding.ts';

/** Where a check's findings go. */
export interface CheckReport {
  /** @param place the server's name, or that of the XMPP leg */
  add(place: string, finding: CheckFinding): void;
  /** Says what it comes to. @returns the worst of all */
  end(): Severity;
}

export type CheckReportOptions = {
  readonly json: boolean;
  /** All places, in the order of the configuration. */
  readonly places: readonly string[];
  readonly isTerminal: boolean;
  readonly write: (text: string) => void;
};

/** Lines for people, or with `json` one object a line, the last of them the summary. */
export function createCheckReport(options: CheckReportOptions): CheckReport {
  const severities = new Map<string, Severity[]>(options.places.map((place) => [place, []]));
  const writer = options.json ? jsonWriter(options) : textWriter(options);
  return {
    add(place, finding) {
      severities.get(place)?.push(finding.severity);
      writer.finding(place, finding);
    },
    end() {
      const worst = new Map([...severities].map(([place, seen]) => [place, worstOf(seen)]));
      writer.summary(worst, countsOf([...severities.values()].flat()));
      return worstOf(worst.values());
    },
  };
}

type Counts = Readonly<Record<Severity, number>>;

type Writer = {
  finding(place: string, finding: CheckFinding): void;
  /** @param worst by place */
  summary(worst: ReadonlyMap<string, Severity>, counts: Counts): void;
};

function jsonWriter({ write }: CheckReportOptions): Writer {
  const line = (value: object) => write(`${JSON.stringify(value)}\n`);
  return {
    finding: (server, finding) => line({ server, ...finding }),
    summary: (worst, counts) =>
      line({ summary: { worst: worstOf(worst.values()), counts, servers: Object.fromEntries(worst) } }),
  };
}

const colours = { ok: 'green', info: 'cyan', warning: 'yellow', error: 'red' } as const;
const SEVERITY = 'warning'.length;
const STEP = 'automatic-replies'.length;

function textWriter({ places, isTerminal, write }: CheckReportOptions): Writer {
  const name = Math.max(0, ...places.map((place) => place.length));
  const line = (place: string, severity: Severity | undefined, step: string, text: string) => {
    const word = (severity ?? '').padEnd(SEVERITY);
    const shown =
      isTerminal && severity !== undefined ? styleText(colours[severity], word, { validateStream: false }) : word;
    write(`${place.padEnd(name)}  ${shown}  ${step.padEnd(STEP)}  ${printable(text)}\n`);
  };
  return {
    finding(place, { severity, step, seen, advice }) {
      line(place, severity, step, seen);
      if (advice !== undefined) line(place, undefined, '', `→ ${advice}`);
    },
    summary(worst, counts) {
      write('\n');
      for (const [place, severity] of worst) line(place, severity, '=', verdicts[severity]);
      const what = [count(counts.error, 'error'), count(counts.warning, 'warning')].join(', ');
      write(`\n${worst.size === 1 ? '1 place' : `${worst.size} places`} checked: ${what}\n`);
    },
  };
}

const verdicts: Readonly<Record<Severity, string>> = {
  ok: 'all is well',
  info: 'all is well, as far as it was checked',
  warning: 'works, and something should be mended',
  error: 'something is to be mended',
};

function count(number: number, word: string): string {
  return `${number === 0 ? 'no' : number} ${word}${number === 1 ? '' : 's'}`;
}

function countsOf(severities: readonly Severity[]): Counts {
  const counts = { ok: 0, info: 0, warning: 0, error: 0 };
  for (const severity of severities) counts[severity]++;
  return counts;
}

/** Servers choose some of the words: none of them commands a terminal, or begins a line of its own. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, ' ');
}
