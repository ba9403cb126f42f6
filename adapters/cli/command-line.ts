import { parseArgs } from 'node:util';

const options = {
  config: { type: 'string', short: 'c' },
  mailbox: { type: 'string' },
  server: { type: 'string', multiple: true },
  json: { type: 'boolean' },
  format: { type: 'string' },
  output: { type: 'string', short: 'o' },
  'dry-run': { type: 'boolean' },
  'skip-invalid': { type: 'boolean' },
  contact: { type: 'string' },
  watcher: { type: 'string' },
  limit: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

type OptionName = keyof typeof options;

/** The commands, what each takes beside --config, and of how many operands. */
const commands = {
  run: { options: [], operands: 0 },
  check: { options: ['mailbox', 'server', 'json'], operands: 0 },
  'config validate': { options: [], operands: 0 },
  'config schema': { options: [], operands: 0 },
  'subscriptions import': { options: ['format', 'dry-run', 'skip-invalid'], operands: 1 },
  'subscriptions export': { options: ['format', 'output'], operands: 0 },
  'subscriptions list': { options: ['contact', 'watcher', 'limit', 'json'], operands: 0 },
} as const satisfies Readonly<Record<string, { readonly options: readonly OptionName[]; readonly operands: 0 | 1 }>>;

type CommandName = keyof typeof commands;

type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];

export type CommandLine = {
  readonly command: CommandName | 'help' | 'version';
  readonly values: Values;
  /** The file of an import, else empty. */
  readonly operand: string;
};

/** Takes a command line apart; or says what is wrong with it, which is nothing but an empty one when it is ''. */
export function parseCommandLine(words: readonly string[]): CommandLine | string {
  let parsed: { values: Values; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...words], allowPositionals: true, options });
  } catch (error) {
    // What Node adds is about a positional argument that looks like an option.
    return (error as Error).message.split('. To specify', 1)[0] as string;
  }
  const { values, positionals } = parsed;
  const line = positionals.join(' ');
  if (values.version) return { command: 'version', values, operand: '' };
  if (values.help || line === 'help') return { command: 'help', values, operand: '' };
  if (line === '') return '';
  const command = names.find((name) => line === name || line.startsWith(`${name} `));
  if (command === undefined) return whatIsMissing(line);
  const operands = positionals.slice(command.split(' ').length);
  if (operands.length > commands[command].operands) return `there is no command “${line}”`;
  if (operands.length < commands[command].operands) return `${command} needs a FILE (- for standard input)`;
  const misplaced = (Object.keys(values) as OptionName[]).find((name) => !takes(command, name) && name !== 'config');
  if (misplaced !== undefined) {
    const takers = names.filter((name) => takes(name, misplaced)).join(' and ');
    return `--${misplaced} is for ${takers}, and not for ${command}`;
  }
  return { command, values, operand: operands[0] ?? '' };
}

const names = Object.keys(commands) as CommandName[];

/** An option that would do nothing is refused: whoever gives it expects something. */
function takes(command: CommandName, option: OptionName): boolean {
  return (commands[command].options as readonly OptionName[]).includes(option);
}

function whatIsMissing(line: string): string {
  const verbs = names.filter((name) => name.startsWith(`${line} `)).map((name) => name.slice(line.length + 1));
  if (verbs.length === 0) return `there is no command “${line}”`;
  return `${line} needs ${verbs.slice(0, -1).join(', ')} or ${verbs.at(-1)}`;
}
