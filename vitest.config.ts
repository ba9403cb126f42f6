import { defineConfig } from 'vitest/config';

const suite = (name: string, options = {}) => ({
  extends: true as const,
  test: { name, include: [`test/${name}/**/*.test.ts`], ...options },
});

export default defineConfig({
  test: {
    projects: [
      suite('unit'),
      suite('contract'),
      suite('scenario', { testTimeout: 30_000, hookTimeout: 60_000 }),
      suite('interop', { testTimeout: 30_000, hookTimeout: 60_000 }),
      suite('long', { testTimeout: 1_800_000, hookTimeout: 60_000 }),
    ],
    coverage: {
      provider: 'v8',
      include: ['component/**/*.ts', 'adapters/**/*.ts', 'config/**/*.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
    },
  },
});
