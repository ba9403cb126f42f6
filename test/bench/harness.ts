// What benchmarks share: alternating rounds of a subject and its floor, and honest statistics of few values.

/** What one round measured, by name; the unit is in the name (`p99_ms`). */
export type Measurement = Readonly<Record<string, number>>;

/** Several rounds' values of one quantity. */
export type Summary = { median: number; min: number; max: number };

export type BenchmarkOptions = {
  rounds: number;
  /** Tells a person what is going on; on stderr. */
  progress: (line: string) => void;
};

export type BenchmarkResult = {
  /** A person's table: the first row is the header. */
  table: readonly (readonly string[])[];
  /** The keys that `--json` prints. */
  json: Readonly<Record<string, unknown>>;
};

/** What each file in this folder exports as `benchmark`. */
export type Benchmark = {
  /** One line for the list. */
  summary: string;
  /** What the subject is compared with, and why that can not be undercut. */
  floor: string;
  run(options: BenchmarkOptions): Promise<BenchmarkResult>;
};

export type Rounds<Subject extends Measurement, Floor extends Measurement> = {
  subject: readonly Subject[];
  floor: readonly Floor[];
};

/**
 * Runs subject and floor in turn, `rounds` times each, so that whatever else the machine does meets both. Who begins
 * changes from round to round: what one leaves behind (a warm cache, garbage) must not always favour the same.
 */
export async function runRounds<Subject extends Measurement, Floor extends Measurement>(input: {
  rounds: number;
  subject: (round: number) => Promise<Subject>;
  floor: (round: number) => Promise<Floor>;
  progress?: (line: string) => void;
}): Promise<Rounds<Subject, Floor>> {
  if (!Number.isInteger(input.rounds) || input.rounds < 1) throw new RangeError('at least one round');
  const subject: Subject[] = [];
  const floor: Floor[] = [];
  const runSubject = async (round: number) => subject.push(await input.subject(round));
  const runFloor = async (round: number) => floor.push(await input.floor(round));
  for (let round = 0; round < input.rounds; round++) {
    input.progress?.(`round ${round + 1} of ${input.rounds}`);
    const turn = round % 2 === 0 ? [runSubject, runFloor] : [runFloor, runSubject];
    for (const run of turn) await run(round);
  }
  return { subject, floor };
}

/** The middle value; of an even count the mean of the two in the middle. NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const middle = sorted.length / 2;
  if (Number.isInteger(middle)) return (at(sorted, middle - 1) + at(sorted, middle)) / 2;
  return at(sorted, Math.floor(middle));
}

/** The smallest value that at least `percent` of all values do not exceed (nearest rank). NaN of nothing. */
export function percentile(values: readonly number[], percent: number): number {
  if (!(percent >= 0 && percent <= 100)) throw new RangeError('a percentile lies between 0 and 100');
  const rank = Math.max(1, Math.ceil((percent / 100) * values.length));
  return at(ascending(values), rank - 1);
}

/** The distance from the smallest value to the largest. NaN of nothing. */
export function spread(values: readonly number[]): number {
  const { min, max } = summarize(values);
  return max - min;
}

export function summarize(values: readonly number[]): Summary {
  const sorted = ascending(values);
  return { median: median(values), min: at(sorted, 0), max: at(sorted, sorted.length - 1) };
}

/** The summary of each quantity over all rounds. */
export function summarizeRounds<Name extends string>(
  rounds: readonly Readonly<Record<Name, number>>[],
): Record<Name, Summary> {
  const names = Object.keys(rounds[0] ?? {}) as Name[];
  const entries = names.map((name) => [name, summarize(rounds.map((round) => round[name]))] as const);
  return Object.fromEntries(entries) as Record<Name, Summary>;
}

/** `12.3 (11.9–14.0)`: the median, the smallest and the largest. */
export function formatSummary({ median, min, max }: Summary): string {
  return `${readable(median)} (${readable(min)}–${readable(max)})`;
}

/** A number with as many digits as a person needs: three that matter, whole ones above 100. */
export function readable(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(size >= 10 ? 1 : 2);
}

/** A number for JSON, without digits that mean nothing. */
export function rounded(value: number, digits = 2): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

/** Columns under each other: the first to the left, the others, numbers mostly, to the right. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const format = (row: readonly string[]): string =>
    widths
      .map((width, column) => (column === 0 ? (row[column] ?? '').padEnd(width) : (row[column] ?? '').padStart(width)))
      .join('  ')
      .trimEnd();
  const [header, ...body] = rows;
  if (!header) return '';
  return [format(header), widths.map((width) => '─'.repeat(width)).join('  '), ...body.map(format)].join('\n');
}

function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

function at(sorted: readonly number[], position: number): number {
  return sorted[position] ?? Number.NaN;
}
