import { existsSync } from 'node:fs';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { configurationJsonSchema } from '../../config/json-schema.ts';
import { type LoadedConfiguration, loadConfiguration } from '../../config/load.ts';
import { check } from './check.ts';
import { type CommandLine, parseCommandLine } from './command-line.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import { help } from './help.ts';
import { print, printError } from './output.ts';
import { type Clocks, run } from './run.ts';
import { subscriptions } from './subscriptions/subscriptions.ts';
import { productVersion } from './version.ts';

/** Runs one command line to its end. Nothing is thrown but faults of our own. */
export async function cli(words: readonly string[], clocks: Clocks): Promise<ExitCode> {
  const line = parseCommandLine(words);
  if (typeof line === 'string') {
    if (line === '') process.stderr.write(help);
    else complain(line);
    return exitCode.usage;
  }
  const { values } = line;
  switch (line.command) {
    case 'version':
      return await print(`${productVersion()}\n`);
    case 'help':
      return await print(help);
    case 'run':
      return await withConfiguration(line, (loaded) => run(loaded, clocks));
    case 'check': {
      const { mailbox, server: servers = [], json = false } = values;
      return await withConfiguration(line, ({ configuration }) => check(configuration, { mailbox, servers, json }));
    }
    case 'config validate':
      return await withConfiguration(line, async ({ warnings }, file) => {
        for (const warning of warnings) process.stderr.write(`${warning}\n`);
        return await print(`${file} is valid\n`);
      });
    case 'config schema':
      return await print(`${JSON.stringify(configurationJsonSchema(), null, 2)}\n`);
    case 'subscriptions import':
    case 'subscriptions export':
    case 'subscriptions list': {
      const { command, operand } = line;
      return await withConfiguration(line, ({ configuration }) =>
        subscriptions(configuration, { ...values, command, file: operand }),
      );
    }
  }
}

/** Where the configuration is looked for, in this order, when it is not named. */
const usualFiles = ['gateway.yaml', '/etc/presence-gateway/gateway.yaml'];

function complain(what: string): void {
  printError(`${what}\nTry: presence-gateway --help`);
}

async function withConfiguration(
  { values }: CommandLine,
  command: (loaded: LoadedConfiguration, file: string) => Promise<ExitCode>,
): Promise<ExitCode> {
  const file = values.config ?? usualFiles.find((name) => existsSync(name));
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
