import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { makeTempFolder } from '../../support/temp-folder.ts';

test('without npm the preparation says what is missing and ends with 69', () => {
  const folder = makeTempFolder();
  try {
    const script = readFileSync(new URL('../../support/prepare.mjs', import.meta.url), 'utf8');
    const file = folder.write('test/support/prepare.mjs', script);
    const env = { PATH: folder.path };
    const { status, stderr } = spawnSync(process.execPath, [file, '--no-prosody'], { env, encoding: 'utf8' });
    expect(stderr).toMatch(/^prepare: npm .*\n$/);
    expect(status).toBe(69);
  } finally {
    folder.remove();
  }
});
