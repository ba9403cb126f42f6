import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { basicCredentials } from '../../../adapters/ews/http/authentication.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import { change, makeConfigurationFolder, minimal, problemsOf } from './configuration-files.ts';

let folder: TempFolder;
beforeEach(() => {
  folder = makeConfigurationFolder();
});
afterEach(() => folder.remove());

test('what Basic authentication can’t send is refused with its line, not when the gateway is half started', async () => {
  folder.write('exchange-password', 'pass\tword\n');
  expect(await problemsOf(folder, minimal)).toEqual([
    expect.stringMatching(/^gateway\.yaml:9:\d+: exchange\.servers\[0\]\.passwordFile: .*control character/),
  ]);
  const inline = change('      passwordFile: exchange-password', '      password: "pass\\tword"');
  expect(await problemsOf(folder, inline)).toEqual([expect.stringMatching(/:9:\d+: .*password: .*control/)]);
  folder.write('exchange-password', 'word');
  const username = change('      username: svc-presence', '      username: "svc\\tpresence"');
  expect(await problemsOf(folder, username)).toEqual([expect.stringMatching(/:8:\d+: .*username: .*control/)]);
});

test('every control character that authentication refuses is refused here', async () => {
  for (const code of [0, 9, 27, 127, 133]) {
    const password = `a${String.fromCodePoint(code)}b`;
    expect(() => basicCredentials('user', password)).toThrow(RangeError);
    folder.write('exchange-password', password);
    expect(await problemsOf(folder, minimal)).toHaveLength(1);
  }
});

test('a secret that is not UTF-8 is refused: as a guess it would be a wrong password', async () => {
  writeFileSync(folder.file('exchange-password'), Buffer.from('grüße', 'latin1'));
  expect(await problemsOf(folder, minimal)).toEqual([expect.stringMatching(/passwordFile: .*not UTF-8/)]);
});
