import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { runGateway } from '../support/gateway-command.ts';
import { gatewayConfig } from '../support/gateway-process.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

const COUNT = 1_000_000;
/** Has no divisor in common with COUNT: multiples of it, modulo COUNT, visit every number once. */
const STRIDE = 381_917;
/** MiB of JavaScript: less than the text of a million subscriptions. */
const HEAP = 64;

let folder: TempFolder;
beforeEach(() => {
  folder = makeTempFolder();
});
afterEach(() => folder.remove());

/** The n-th subscription in the order of an export. */
function line(n: number, format: 'csv' | 'json'): string {
  const contact = `c${String(Math.floor(n / 10)).padStart(5, '0')}`;
  const watcher = `w${n % 10}-${(n * 7) % 10_000}@example.test`;
  const since = new Date(1_772_442_000_000 + n).toISOString();
  if (format === 'csv') return `${contact},${watcher},subscribed,${since}\r\n`;
  return `${JSON.stringify({ contact, watcher, state: 'subscribed', since })}\n`;
}

function* chunks(of: (n: number) => string): Generator<string> {
  for (let from = 0; from < COUNT; from += 1_000) {
    yield Array.from({ length: 1_000 }, (_, i) => of(from + i)).join('');
  }
}

async function digest(texts: Iterable<string> | AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const text of texts) hash.update(text);
  return hash.digest('hex');
}

test.each([
  ['csv', 'contact,watcher,state,since\r\n'],
  ['json', ''],
] as const)('a million subscriptions as %s come out as they went in, in little memory', async (format, header) => {
  const { config, files } = gatewayConfig({
    prosody: { componentPort: 9, domain: 'example.test', component: { domain: 'calendar.example.test', secret: 's' } },
    simulator: { url: 'http://127.0.0.1:9/EWS/Exchange.asmx' },
    overrides: { watchers: { maxSubscriptions: 1_000 } },
  });
  for (const [name, content] of Object.entries(files)) folder.write(name, content);
  const configFile = folder.write('gateway.yaml', stringify(config));
  const timed = async (...words: string[]) => {
    const started = performance.now();
    const ended = await runGateway(['subscriptions', ...words, '-c', configFile], '', {
      NODE_OPTIONS: `--max-old-space-size=${HEAP}`,
    });
    console.log(`${words[0]} ${format}: ${((performance.now() - started) / 1_000).toFixed(1)} s`);
    return ended;
  };

  const [input, output] = [folder.file('in'), folder.file(`out.${format}`)];
  const shuffled = function* () {
    yield header;
    yield* chunks((n) => line((n * STRIDE) % COUNT, format));
  };
  await pipeline(shuffled, createWriteStream(input));
  expect(await timed('import', input)).toEqual({
    ...{ code: 0, stderr: '' },
    stdout: `1,000,000 subscriptions imported into ${folder.file('gateway.db')}; 0 were there already\n`,
  });
  expect(await timed('export', '-o', output)).toMatchObject({ code: 0, stderr: '' });
  const inOrder = function* () {
    yield header;
    yield* chunks((n) => line(n, format));
  };
  expect(await digest(createReadStream(output))).toBe(await digest(inOrder()));
});
