// npm run bench -- NAME [--json] [--rounds N]
//
// A benchmark is a file of this folder that exports `benchmark`; its name is the file's.

import { readdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type Benchmark, formatTable } from './harness.ts';

const USAGE = `Usage: npm run bench -- NAME [--json] [--rounds N]
  --json      print the result as one JSON object on the last line
  --rounds N  rounds of each, subject and floor (default 5)
Without a NAME: lists the benchmarks.`;
const EX_USAGE = 64;
const OTHER_FILES = ['main.ts', 'harness.ts'];

function benchmarkNames(): string[] {
  return readdirSync(import.meta.dirname, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !OTHER_FILES.includes(entry.name))
    .map((entry) => entry.name.slice(0, -'.ts'.length))
    .sort();
}

async function loadBenchmark(name: string): Promise<Benchmark> {
  const { benchmark } = (await import(`./${name}.ts`)) as { benchmark?: Benchmark };
  if (!benchmark) throw new Error(`test/bench/${name}.ts exports no benchmark`);
  return benchmark;
}

async function list(names: readonly string[]): Promise<void> {
  if (names.length === 0) return console.log('There are no benchmarks yet.');
  const rows: string[][] = [];
  for (const name of names) rows.push([name, (await loadBenchmark(name)).summary]);
  const width = Math.max(...rows.map(([name = '']) => name.length));
  for (const [name = '', summary] of rows) console.log(`${name.padEnd(width)}  ${summary}`);
}

async function run(name: string, rounds: number, json: boolean): Promise<void> {
  const benchmark = await loadBenchmark(name);
  const progress = (line: string) => void process.stderr.write(`${line}\n`);
  const started = performance.now();
  const result = await benchmark.run({ rounds, progress });
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  const processors = cpus();
  console.log(`${name}: ${benchmark.summary}\nFloor: ${benchmark.floor}\n`);
  console.log(formatTable(result.table));
  console.log(
    `\nMedians (smallest–largest) of ${rounds} rounds in ${seconds} s; Node ${process.versions.node}, ${processors.length} × ${processors[0]?.model.trim() ?? 'unknown processor'}`,
  );
  if (json) console.log(JSON.stringify(result.json));
}

function refuse(message: string): void {
  process.stderr.write(`${message}\n${USAGE}\n`);
  process.exitCode = EX_USAGE;
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '5' } },
  });
  return { names: positionals, json: values.json, rounds: Number(values.rounds) };
}

async function main(): Promise<void> {
  let input: ReturnType<typeof readArguments>;
  try {
    input = readArguments();
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
  const known = benchmarkNames();
  const [name, ...more] = input.names;
  if (name === undefined) return list(known);
  if (more.length > 0) return refuse('One benchmark at a time.');
  if (!known.includes(name)) return refuse(`There is no benchmark ${name}; there are: ${known.join(', ') || 'none'}.`);
  if (!Number.isInteger(input.rounds) || input.rounds < 1) return refuse('--rounds needs a whole number, 1 or more.');
  await run(name, input.rounds, input.json);
}

await main();
