import type { Configuration } from '../../../config/schema.ts';
import { StorageError } from '../../storage/storage-error.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { printError } from '../output.ts';
import { exportSubscriptions } from './export.ts';
import { importSubscriptions } from './import.ts';
import { listSubscriptions } from './list.ts';
import type { Format } from './records.ts';
import { contactOf, watcherOf } from './subscription-record.ts';

/** What the command line says. */
export type SubscriptionsOptions = {
  readonly command: 'subscriptions import' | 'subscriptions export' | 'subscriptions list';
  /** What is imported; `-`: standard input. */
  readonly file: string;
  readonly format?: string;
  readonly output?: string;
  readonly 'dry-run'?: boolean;
  readonly 'skip-invalid'?: boolean;
  readonly contact?: string;
  readonly watcher?: string;
  readonly limit?: string;
  readonly json?: boolean;
};

/** `presence-gateway subscriptions …`: who watches whom, as files and on the screen. */
export async function subscriptions(configuration: Configuration, options: SubscriptionsOptions): Promise<ExitCode> {
  const { xmpp, storage } = configuration;
  const { format, limit } = options;
  const contact = options.contact === undefined ? undefined : contactOf(options.contact, xmpp.domain);
  const watcher = options.watcher === undefined ? undefined : watcherOf(options.watcher);
  if (format !== undefined && !isFormat(format)) return misuse(`--format takes csv or json, and not “${format}”`);
  if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(limit)) return misuse('--limit takes a whole number, 1 or more');
  if (options.contact !== undefined && contact === undefined)
    return misuse(`--contact takes a contact of ${xmpp.domain}`);
  if (options.watcher !== undefined && watcher === undefined)
    return misuse('--watcher takes a JID, as in bob@example.com');
  try {
    switch (options.command) {
      case 'subscriptions import':
        return await importSubscriptions(configuration, {
          ...{ file: options.file, format },
          ...{ dryRun: options['dry-run'] ?? false, skipInvalid: options['skip-invalid'] ?? false },
        });
      case 'subscriptions export':
        return await exportSubscriptions(storage.file, { format, output: options.output });
      case 'subscriptions list':
        return await listSubscriptions(storage.file, {
          only: { contact, watcher },
          limit: limit === undefined ? Number.POSITIVE_INFINITY : Number(limit),
          json: options.json ?? false,
        });
    }
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    printError(error.message);
    return exitCode.inputOutput;
  }
}

function isFormat(text: string): text is Format {
  return text === 'csv' || text === 'json';
}

function misuse(what: string): ExitCode {
  printError(what);
  return exitCode.usage;
}
