import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const suite = (name: string, options = {}) => ({
  extends: true as const,
  test: { name, include: [`test/${name}/**/*.test.ts`], ...options },
});

/** One for each processor, two at the least: vitest leaves one idle, and on a machine with two that doubled the time. */
const computing = { maxWorkers: Math.max(2, availableParallelism()), testTimeout: 20_000 } as const;

/** Scenarios mostly wait: more of them at once than there are processors, and after what needs these. */
const waiting = {
  pool: 'forks',
  maxWorkers: 6,
  sequence: { groupOrder: 1 },
  testTimeout: 60_000,
  hookTimeout: 60_000,
} as const;

export default defineConfig({
  test: {
    projects: [
      suite('unit', computing),
      suite('contract', computing),
      suite('scenario', { ...waiting, globalSetup: 'test/support/compile-gateway.ts' }),
      suite('interop', { ...waiting, exclude: ['test/interop/clients/**'] }),
      suite('clients', {
        ...waiting,
        include: ['test/interop/clients/**/*.test.ts'],
        globalSetup: 'test/support/compile-gateway.ts',
      }),
      suite('ejabberd', waiting),
      suite('ntlm', waiting),
      suite('long', { sequence: { groupOrder: 2 }, testTimeout: 1_800_000, hookTimeout: 60_000 }),
    ],
    coverage: {
      provider: 'v8',
      include: ['component/**/*.ts', 'adapters/**/*.ts', 'config/**/*.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
    },
  },
});
