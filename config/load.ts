import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { ConfigurationError } from './configuration-error.ts';
import { asScalar, expandEnvironment } from './environment.ts';
import { expectedBy, Problems } from './problems.ts';
import { isReadableByOthers, readReferencedFiles, whyUnreadable } from './referenced-files.ts';
import { type Configuration, configurationSchema } from './schema.ts';
import { type Path, putAt, valueAt, YamlSource } from './yaml-source.ts';

export type LoadedConfiguration = {
  readonly configuration: Configuration;
  /** What works and should not stay so, one line each, with its place in the file. */
  readonly warnings: readonly string[];
};

/**
 * Reads a configuration file, the variables of the environment that it uses and the files that it names.
 *
 * @param file its name as it shall stand in messages; files that it names are relative to its folder, the database
 *   to systemd's state folder where there is one
 * @throws ConfigurationError with everything that is wrong
 */
export async function loadConfiguration(file: string, env: NodeJS.ProcessEnv): Promise<LoadedConfiguration> {
  const source = new YamlSource(await readText(file));
  const problems = new Problems(file, source);
  if (problems.list.length === 0) requireMapping(source, problems);
  if (problems.list.length > 0) throw new ConfigurationError(problems.list);

  const warnings: string[] = [];
  const warn = (path: Path, warning: string) => {
    const { line, column } = source.positionOf(path, 'value');
    warnings.push(`${file}:${line}:${column}: ${warning}`);
  };
  const folder = dirname(resolve(file));
  const written = expandEnvironment(withEmptySections(source.value), env, problems);
  await readReferencedFiles(written, folder, problems, warn);
  const configuration = parse(written, source, problems);
  if (configuration === undefined || problems.list.length > 0) throw new ConfigurationError(problems.list);

  if (await isReadableByOthers(file)) {
    for (const path of inlineSecrets(source))
      warn(path, 'other users of this machine may read this file and the secret in it');
  }
  // systemd's name for the one folder that a hardened unit may write to.
  const [stateFolder = folder] = env.STATE_DIRECTORY?.split(':') ?? [];
  configuration.storage.file = resolve(stateFolder, configuration.storage.file);
  const databaseFolder = dirname(configuration.storage.file);
  if (!existsSync(databaseFolder)) {
    problems.addAt(
      ['storage', 'file'],
      'a file in a folder that exists',
      `a file in ${databaseFolder}, which does not exist`,
    );
    throw new ConfigurationError(problems.list);
  }
  return { configuration, warnings };
}

async function readText(file: string): Promise<string> {
  const fail = (found: string, expected: string): never => {
    throw new ConfigurationError([{ file, key: '', found, expected }]);
  };
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    return fail(`a file ${whyUnreadable(error)}`, 'a YAML file that can be read');
  }
  if (bytes.length > MAX_SIZE) return fail('a file that is too large', 'at most 1 MiB');
  try {
    // Takes off a byte order mark, as Windows editors write it.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return fail('bytes that are not UTF-8', 'a file saved as UTF-8');
  }
}

const MAX_SIZE = 1024 * 1024;

function requireMapping(source: YamlSource, problems: Problems): void {
  const { value } = source;
  const expected = 'keys and values, beginning with xmpp:';
  if (value === null) problems.addAt([], expected, 'an empty file');
  else if (Array.isArray(value)) problems.addAt([], expected, 'a list');
  // Not quoted: it may be a secret's file that was taken for this one.
  else if (typeof value !== 'object') problems.addAt([], expected, 'a text without keys');
}

/** A section of which every key is commented out is an empty section. */
function withEmptySections(value: unknown): unknown {
  return Object.fromEntries(Object.entries(value as object).map(([name, section]) => [name, section ?? {}]));
}

function parse(written: unknown, source: YamlSource, problems: Problems): Configuration | undefined {
  let result = configurationSchema.safeParse(written, { error: expectedBy });
  if (!result.success && retypeVariables(written, source, result.error.issues)) {
    result = configurationSchema.safeParse(written, { error: expectedBy });
  }
  if (result.success) return result.data;
  problems.addIssues(result.error.issues);
  return undefined;
}

/** A variable is text, but `port: ${PORT}` means a number: where text was refused, it is read as YAML would read it. */
function retypeVariables(written: unknown, source: YamlSource, refused: readonly { path: Path }[]): boolean {
  let changed = false;
  for (const { path } of refused) {
    const text = source.at(path);
    if (typeof text !== 'string' || !text.includes('${')) continue;
    const value = valueAt(written, path);
    const scalar = asScalar(value);
    if (scalar === value) continue;
    putAt(written, path, scalar);
    changed = true;
  }
  return changed;
}

/** Secrets that stand in the file itself. */
function inlineSecrets(source: YamlSource): Path[] {
  const servers = source.at(['exchange', 'servers']);
  const paths: Path[] = [['xmpp', 'secret']];
  for (const index of Array.isArray(servers) ? servers.keys() : []) {
    const server = ['exchange', 'servers', index];
    paths.push([...server, 'password'], [...server, 'oauth', 'clientSecret'], [...server, 'proxy', 'password']);
  }
  return paths.filter((path) => {
    const text = source.at(path);
    return typeof text === 'string' && !text.includes('${');
  });
}
