import { styleText } from 'node:util';
import { type Clock, SECOND, type Timer } from '../../component/runtime/clock.ts';
import { type CheckFinding, type Severity, worstOf } from '../ews/check/check-finding.ts';
import { printable } from './printable.ts';

/** Where a check's findings go. */
export interface CheckReport {
  /** @param place the server's name, or that of the XMPP leg */
  add(place: string, finding: CheckFinding): void;
  /** A place for which nothing more comes. */
  done(place: string): void;
  /** Shows what is held back, of places too that are not done. */
  flush(): void;
  /** Says what it comes to. @returns the worst of all */
  end(): Severity;
}

export type CheckReportOptions = {
  readonly json: boolean;
  /** All places, in the order of the configuration. */
  readonly places: readonly string[];
  readonly isTerminal: boolean;
  readonly write: (text: string) => void;
  readonly clock: Clock;
};

/** Blocks of lines for people, or with `json` one object a line, the last of them the summary. */
export function createCheckReport(options: CheckReportOptions): CheckReport {
  const findings = new Map<string, CheckFinding[]>(options.places.map((place) => [place, []]));
  const writer = options.json ? jsonWriter(options) : textWriter(options);
  return {
    add(place, finding) {
      findings.get(place)?.push(finding);
      writer.finding(place, finding);
    },
    done: (place) => writer.done(place),
    flush: () => writer.flush(),
    end() {
      writer.flush();
      writer.summary(findings);
      return worstIn([...findings.values()].flat());
    },
  };
}

type Findings = ReadonlyMap<string, readonly CheckFinding[]>;

type Writer = {
  finding(place: string, finding: CheckFinding): void;
  done(place: string): void;
  flush(): void;
  summary(findings: Findings): void;
};

/** As it comes: each line says which place it is about. */
function jsonWriter({ write }: CheckReportOptions): Writer {
  const line = (value: object) => write(`${JSON.stringify(value)}\n`);
  return {
    finding: (server, { service, step, severity, seen, advice }) =>
      line({ server, service, step, severity, seen, advice }),
    done() {},
    flush() {},
    summary(findings) {
      const servers = Object.fromEntries([...findings].map(([place, found]) => [place, worstIn(found)]));
      line({ summary: { worst: worstIn([...findings.values()].flat()), counts: countsOf(findings), servers } });
    },
  };
}

const colours = { ok: 'green', info: 'cyan', warning: 'yellow', error: 'red' } as const;
const SEVERITY = 'warning'.length;
const STEP = 'autodiscover resolve'.length;
/** A block waits no longer for those that stand before it in the configuration. */
const HOLD = 3 * SECOND;

type Block = { text: string; state: 'open' | 'done' | 'written' };

/** A place's lines stand together, and the places in their order unless one would keep others waiting. */
function textWriter({ places, isTerminal, write, clock }: CheckReportOptions): Writer {
  const width = Math.max(0, ...places.map((place) => place.length));
  const blocks = new Map<string, Block>(places.map((place) => [place, { text: '', state: 'open' }]));
  let isFirst = true;
  let timer: Timer | undefined;

  const line = (place: string, severity: Severity | undefined, step: string, text: string): string => {
    const word = (severity ?? '').padEnd(SEVERITY);
    const shown =
      isTerminal && severity !== undefined ? styleText(colours[severity], word, { validateStream: false }) : word;
    return `${place.padEnd(width)}  ${shown}  ${step.padEnd(STEP)}  ${printable(text)}\n`;
  };
  const show = (block: Block) => {
    if (block.text !== '') write(isFirst ? block.text : `\n${block.text}`);
    isFirst &&= block.text === '';
    block.state = 'written';
  };
  const showThoseInTurn = () => {
    for (const block of blocks.values()) {
      if (block.state === 'open') return;
      if (block.state === 'done') show(block);
    }
  };
  return {
    finding(place, { advice, ...finding }) {
      const block = blocks.get(place);
      if (block === undefined) return;
      block.text += line(place, finding.severity, labelOf(finding), finding.seen);
      if (advice !== undefined) block.text += line(place, undefined, '', `→ ${advice}`);
    },
    done(place) {
      const block = blocks.get(place);
      if (block?.state !== 'open') return;
      block.state = 'done';
      showThoseInTurn();
      if (![...blocks.values()].some(({ state }) => state === 'done')) {
        timer?.cancel();
        timer = undefined;
        return;
      }
      timer ??= clock.after(HOLD, () => {
        timer = undefined;
        for (const held of blocks.values()) if (held.state === 'done') show(held);
      });
    },
    flush() {
      timer?.cancel();
      timer = undefined;
      for (const block of blocks.values()) if (block.state !== 'written') show(block);
    },
    summary(findings) {
      write('\n');
      for (const [place, found] of findings) write(line(place, worstIn(found), '=', verdictOn(found)));
      const counts = countsOf(findings);
      const what = [count(counts.error, 'error'), count(counts.warning, 'warning')].join(', ');
      write(`\n${findings.size === 1 ? '1 place' : `${findings.size} places`} checked: ${what}\n`);
    },
  };
}

function verdictOn(findings: readonly CheckFinding[]): string {
  const at = (severity: Severity) =>
    [...new Set(findings.filter((one) => one.severity === severity).map(labelOf))].join(', ');
  const warnings = at('warning');
  switch (worstIn(findings)) {
    case 'ok':
      return 'all is well';
    case 'info':
      return `nothing is wrong; worth a look: ${at('info')}`;
    case 'warning':
      return `works, and should be mended: ${warnings}`;
    case 'error':
      return `does not work: ${at('error')}${warnings === '' ? '' : `; should be mended, too: ${warnings}`}`;
  }
}

function labelOf({ service, step }: Pick<CheckFinding, 'service' | 'step'>): string {
  return service === undefined ? step : `${service} ${step}`;
}

function worstIn(findings: readonly CheckFinding[]): Severity {
  return worstOf(findings.map(({ severity }) => severity));
}

function count(number: number, word: string): string {
  return `${number === 0 ? 'no' : number} ${word}${number === 1 ? '' : 's'}`;
}

function countsOf(findings: Findings): Readonly<Record<Severity, number>> {
  const counts = { ok: 0, info: 0, warning: 0, error: 0 };
  for (const { severity } of [...findings.values()].flat()) counts[severity]++;
  return counts;
}
