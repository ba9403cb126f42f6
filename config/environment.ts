import { isSecret, type Problems } from './problems.ts';
import type { Path } from './yaml-source.ts';

/** `${NAME}`; a further `$` before it takes its meaning away. */
const reference = /(\$?)\$\{([^}]*)\}/g;

/** Replaces `${NAME}` in every text below a value by the variable of that name; an unset one is a problem. */
export function expandEnvironment(
  value: unknown,
  env: NodeJS.ProcessEnv,
  problems: Problems,
  path: Path = [],
): unknown {
  if (typeof value === 'string') return expandText(value, env, problems, path);
  if (Array.isArray(value)) return value.map((item, index) => expandEnvironment(item, env, problems, [...path, index]));
  if (typeof value !== 'object' || value === null) return value;
  const expanded: Record<string, unknown> = Object.create(null);
  for (const [key, item] of Object.entries(value))
    expanded[key] = expandEnvironment(item, env, problems, [...path, key]);
  return expanded;
}

function expandText(text: string, env: NodeJS.ProcessEnv, problems: Problems, path: Path): string {
  return text.replace(reference, (whole, dollar: string, name: string) => {
    if (dollar !== '') return `\${${name}}`;
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined) return value;
    // Within a longer secret it may be no reference at all, but a piece of the secret.
    const found = isSecret(path) && whole !== text ? 'a variable that is not set' : `${whole}, which is not set`;
    problems.addAt(path, 'a variable of the environment ($${ stands for ${ itself)', found);
    return whole;
  });
}

/** What YAML would read in place of an unquoted `${NAME}`: a variable is text, even where a number is wanted. */
export function asScalar(text: unknown): unknown {
  return typeof text === 'string' && /^(?:true|false|\d{1,15})$/.test(text)
    ? JSON.parse(text.replace(/^0+(?=\d)/, ''))
    : text;
}
