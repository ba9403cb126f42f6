import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `source`: the TypeScript in this checkout; `scaled`: the same with fast clocks; `dist`: what `npm run build` made. */
export type GatewayEntry = 'source' | 'scaled' | 'dist';

/** The folder from which programs are run: tsx and relative paths are found there. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Names the folder where `compile-gateway.ts` put the sources, compiled; set while scenarios run. */
export const COMPILED_GATEWAY = 'COMPILED_GATEWAY';

const sources = { source: 'adapters/cli/main.ts', scaled: 'test/support/scaled-gateway.ts' };

/** What follows `node`, with `root` as working directory, to run the gateway's command line. */
export function gatewayProgram(entry: GatewayEntry = 'source'): string[] {
  if (entry === 'dist') return ['dist/adapters/cli/main.js'];
  const compiled = process.env[COMPILED_GATEWAY];
  if (compiled === undefined) return ['--import', 'tsx', sources[entry]];
  return [join(compiled, sources[entry].replace(/\.ts$/, '.js'))];
}
