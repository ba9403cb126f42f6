import { z } from 'zod';

/**
 * A check of several keys of one section together, run even where some key of it is wrong: an administrator is told
 * everything at once. The check must therefore look at the types of what it compares.
 */
export function together<Output>(check: (section: Output, report: Report) => void) {
  return z.superRefine<Output>(
    (section, context) => {
      check(section, (path, expected, inEffect) => {
        context.addIssue({ code: 'custom', path: [...path], message: expected, params: { inEffect } });
      });
    },
    { when: ({ value }) => typeof value === 'object' && value !== null },
  );
}

/** `inEffect` is the value that holds where the key is not written: its default. */
export type Report = (path: readonly PropertyKey[], expected: string, inEffect?: string) => void;

/** Exactly one of the keys `name` and `nameFile` must be there. */
export function oneSecret(section: Readonly<Record<string, unknown>>, name: string, report: Report): void {
  const file = `${name}File`;
  const [inline, inFile] = [section[name] !== undefined, section[file] !== undefined];
  if (inline && inFile) report([file], `only one of ${name} and ${file}`);
  if (!inline && !inFile) report([name], `${file}, or ${name}: \${VARIABLE}`);
}

/** Looks at a value only where it is a mapping, however wrong the rest of the file. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
