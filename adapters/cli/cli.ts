import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { configurationJsonSchema } from '../../config/json-schema.ts';
import { type LoadedConfiguration, loadConfiguration } from '../../config/load.ts';
import { check } from './check.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { help } from './help.ts';
import { type Clocks, run } from './run.ts';
import { productVersion } from './version.ts';

/** Runs one command line to its end. Nothing is thrown but faults of our own. */
export async function cli(words: readonly string[], clocks: Clocks): Promise<ExitCode> {
  const line = parse(words);
  if (typeof line === 'string') {
    complain(line);
    return exitCode.usage;
  }
  const { values, command } = line;
  if (values.version) return print(`${productVersion()}\n`);
  if (values.help || command === 'help') return print(help);
  const misplaced = misplacedOption(values, command);
  if (misplaced !== undefined) {
    complain(`${misplaced} is for check, and not for ${command}`);
    return exitCode.usage;
  }
  switch (command) {
    case 'run':
      return await withConfiguration(values.config, (loaded) => run(loaded, clocks));
    case 'check':
      return await withConfiguration(values.config, ({ configuration }) =>
        check(configuration, { mailbox: values.mailbox, servers: values.server, json: values.json }),
      );
    case 'config validate':
      return await withConfiguration(values.config, async ({ warnings }, file) => {
        for (const warning of warnings) process.stderr.write(`${warning}\n`);
        return print(`${file} is valid\n`);
      });
    case 'config schema':
      return print(`${JSON.stringify(configurationJsonSchema(), null, 2)}\n`);
    default:
      if (command === '') process.stderr.write(help);
      else complain(command === 'config' ? 'config needs validate or schema' : `there is no command “${command}”`);
      return exitCode.usage;
  }
}

function parse(words: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        config: { type: 'string', short: 'c' },
        mailbox: { type: 'string' },
        server: { type: 'string', multiple: true, default: [] },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        version: { type: 'boolean', short: 'V', default: false },
      },
    });
    return { values, command: positionals.join(' ') };
  } catch (error) {
    // What Node adds is about a positional argument that looks like an option.
    return (error as Error).message.split('. To specify', 1)[0] as string;
  }
}

type CheckValues = { mailbox?: string; server: string[]; json: boolean };

/** An option that would do nothing: whoever gives it expects something. */
function misplacedOption({ mailbox, server, json }: CheckValues, command: string): string | undefined {
  if (!['run', 'config validate', 'config schema'].includes(command)) return undefined;
  if (json) return '--json';
  if (server.length > 0) return '--server';
  return mailbox === undefined ? undefined : '--mailbox';
}

/** Where the configuration is looked for, in this order, when it is not named. */
const usualFiles = ['gateway.yaml', '/etc/presence-gateway/gateway.yaml'];

function complain(what: string): void {
  process.stderr.write(`presence-gateway: ${what}\nTry: presence-gateway --help\n`);
}

async function withConfiguration(
  named: string | undefined,
  command: (loaded: LoadedConfiguration, file: string) => Promise<ExitCode>,
): Promise<ExitCode> {
  const file = named ?? usualFiles.find((name) => existsSync(name));
  if (file === undefined) {
    complain(`there is no ${usualFiles.join(' here, and no ')}: name the configuration with --config`);
    return exitCode.configuration;
  }
  let loaded: LoadedConfiguration;
  try {
    loaded = await loadConfiguration(file, process.env);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return exitCode.configuration;
  }
  return await command(loaded, file);
}

/** A reader that has seen enough (`| head`) is no failure. */
function print(text: string): Promise<ExitCode> {
  return new Promise((resolve) => {
    process.stdout.write(text, (error) => {
      const isWritten = error == null || (error as NodeJS.ErrnoException).code === 'EPIPE';
      resolve(isWritten ? exitCode.ok : exitCode.inputOutput);
    });
  });
}
