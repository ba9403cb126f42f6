// Compiles the sources once for a run of scenarios, into a folder of its own. They start the gateway a hundred times, and
// through tsx each start took 0.7 s of processor time instead of 0.3 s. Types are not checked: `npm run types` does.

import { execFile } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { COMPILED_GATEWAY, root } from './gateway-program.ts';
import { makeTempFolder, type TempFolder } from './temp-folder.ts';

const TIME_LIMIT = 60_000;

let folder: TempFolder;

export async function setup(project: TestProject): Promise<void> {
  folder = makeTempFolder();
  // Beside the compiled files, as they are beside the sources: dependencies, and the version and kind of module.
  for (const name of ['node_modules', 'package.json']) symlinkSync(join(root, name), folder.file(name));
  await compile();
  process.env[COMPILED_GATEWAY] = folder.path;
  project.onTestsRerun(compile);
}

export function teardown(): void {
  delete process.env[COMPILED_GATEWAY];
  folder.remove();
}

/** Rejects with what the compiler said. */
async function compile(): Promise<void> {
  const settings = {
    extends: join(root, 'tsconfig.build.json'),
    compilerOptions: { rootDir: root, outDir: folder.path, sourceMap: false, noCheck: true },
    include: ['component', 'adapters', 'config', 'test/support/scaled-gateway.ts'].map((path) => join(root, path)),
  };
  const file = folder.write('tsconfig.json', JSON.stringify(settings));
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  await promisify(execFile)(process.execPath, [compiler, '-p', file], { timeout: TIME_LIMIT }).catch((error) => {
    throw new Error(`the gateway could not be compiled:\n${error.stdout || error}`);
  });
}
