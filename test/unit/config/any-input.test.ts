import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { configurationJsonSchema } from '../../../config/json-schema.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import { load, makeConfigurationFolder, minimal, problemsOf } from './configuration-files.ts';

let folder: TempFolder;
beforeAll(() => {
  folder = makeConfigurationFolder();
});
afterAll(() => folder.remove());

/** Every section and key that a file may have, each once. */
const places = Object.entries(propertiesOf(configurationJsonSchema())).flatMap(([section, schema]) => [
  [section],
  ...Object.keys(propertiesOf(schema)).map((key) => [section, key]),
]);
const server = [
  ...['name', 'type', 'url', 'autodiscover', 'auth', 'username', 'passwordFile', 'channelBinding', 'oauth'],
  ...['impersonate', 'caFile', 'proxy', 'domains', 'mailboxes', 'concurrency', 'staleAfter', 'impersonation'],
  ...['notifications', 'automaticReplies'],
].map((key) => ['exchange', 'servers', 0, key]);

// `problemsOf` throws whatever is no ConfigurationError: a fault of ours, or a crash of a check that met a wrong type.
describe('whatever stands in the file', { timeout: 30_000 }, () => {
  test('a value of any kind at any key is accepted or explained with its place', async () => {
    const place = fc.constantFrom(...places, ...server);
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom(null, '', [null], [{}], { '': '' }, -1, 0.5, [[]], '1d'));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(place, value), { minLength: 1, maxLength: 3 }), async (changes) => {
        const written = parse(minimal) as object;
        for (const [path, changed] of changes) put(written, path, structuredClone(changed));
        for (const problem of await problemsOf(folder, stringify(written))) {
          expect(problem).toMatch(/^gateway\.yaml:\d+:\d+: (\S.*: )?found .+, expected .+$/);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('a slip of the hand anywhere is accepted or explained', async () => {
    const slip = fc.record({
      at: fc.nat(minimal.length),
      length: fc.nat(8),
      text: fc.oneof(
        fc.string({ maxLength: 3 }),
        fc.constantFrom('\t', ': ', '\n', '- ', '"', "'", '[', '{', '*', '&a ', '#'),
      ),
    });
    await fc.assert(
      fc.asyncProperty(slip, async ({ at, length, text }) => {
        const problems = await problemsOf(folder, minimal.slice(0, at) + text + minimal.slice(at + length));
        expect(problems.join('\n')).not.toContain('s3cret');
      }),
      { numRuns: 200 },
    );
  });

  test('what was written as it is comes back as it is', async () => {
    const secret = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => !text.includes('${'));
    await fc.assert(
      fc.asyncProperty(secret, async (text) => {
        const written = parse(minimal) as { xmpp: Record<string, unknown> };
        delete written.xmpp.secretFile;
        written.xmpp.secret = text;
        expect((await load(folder, stringify(written))).configuration.xmpp.secret).toBe(text);
      }),
    );
  });
});

function propertiesOf(schema: unknown): Record<string, unknown> {
  return (schema as { properties?: Record<string, unknown> }).properties ?? {};
}

function put(whole: object, path: readonly PropertyKey[], value: unknown): void {
  let holder: unknown = whole;
  for (const step of path.slice(0, -1)) {
    if (typeof holder !== 'object' || holder === null) return;
    const parts = holder as Record<PropertyKey, unknown>;
    parts[step] ??= {};
    holder = parts[step];
  }
  const last = path.at(-1);
  if (typeof holder === 'object' && holder !== null && last !== undefined) {
    (holder as Record<PropertyKey, unknown>)[last] = value;
  }
}
