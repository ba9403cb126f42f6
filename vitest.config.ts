import { defineConfig } from 'vitest/config';

const suite = (name: string, options = {}) => ({
  extends: true as const,
  test: { name, include: [`test/${name}/**/*.test.ts`], ...options },
});

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
      suite('unit'),
      suite('contract'),
      suite('scenario', waiting),
      suite('interop', waiting),
      suite('ejabberd', waiting),
      suite('ntlm', waiting),
      suite('long', { testTimeout: 1_800_000, hookTimeout: 60_000 }),
    ],
    coverage: {
      provider: 'v8',
      include: ['component/**/*.ts', 'adapters/**/*.ts', 'config/**/*.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
    },
  },
});
