import { createReadStream } from 'node:fs';
import { RuleDirectory } from '../../../component/directory/rule-directory.ts';
import { SubscriptionPolicy } from '../../../component/subscription/subscription-policy.ts';
import type { Configuration } from '../../../config/schema.ts';
import { StorageError } from '../../storage/storage-error.ts';
import { SubscriptionImport } from '../../storage/subscription-import.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { print, printError } from '../output.ts';
import { printable } from '../printable.ts';
import { BrokenInput } from './broken-input.ts';
import { amount } from './export.ts';
import { type Format, type Input, readRecords } from './records.ts';
import { type RecordRules, rowOf } from './subscription-record.ts';

export type ImportOptions = {
  /** `-`: standard input. */
  readonly file: string;
  /** Undefined: as the file begins. */
  readonly format: Format | undefined;
  /** Says what would happen, and changes nothing. */
  readonly dryRun: boolean;
  /** Imports what is right, though something is wrong. */
  readonly skipInvalid: boolean;
};

/**
 * Puts a file's subscriptions into the database of a gateway that does not run: all of them or, if something is wrong
 * with one, none. Each fault is printed with its place.
 *
 * @throws StorageError
 */
export async function importSubscriptions(configuration: Configuration, options: ImportOptions): Promise<ExitCode> {
  const { xmpp, directory, watchers, storage } = configuration;
  const { maxSubscriptions } = watchers;
  const policy = new SubscriptionPolicy(watchers);
  const rules = { domain: xmpp.domain, directory: new RuleDirectory(directory), policy, now: Date.now() };
  const target = openTarget(storage.file, options.dryRun);
  try {
    const { faults, at } = await gather(options, rules, target);
    let left = faults;
    for (const { position, watcher } of target.leaveOutBeyond(maxSubscriptions)) {
      left++;
      const most = `${maxSubscriptions} (watchers.maxSubscriptions)`;
      complain(at(position), `watcher “${watcher}” would have more subscriptions than ${most}`);
    }
    return await conclude(target, storage.file, left, options);
  } catch (error) {
    const place = nameOf(options);
    if (error instanceof BrokenInput) {
      complain(error.line === undefined ? place : `${place}:${error.line}`, error.message);
      printError('nothing was imported');
      return exitCode.dataError;
    }
    // The file's, that is: the database has errors of its own.
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    printError(`${place} can’t be read: ${(error as Error).message}`);
    return exitCode.noInput;
  } finally {
    target.close();
  }
}

/** @throws StorageError, which says to whom imports what to do about a gateway that runs */
function openTarget(database: string, dryRun: boolean): SubscriptionImport {
  try {
    return dryRun ? SubscriptionImport.rehearse(database) : SubscriptionImport.open(database);
  } catch (error) {
    if (!(error instanceof StorageError && error.kind === 'in-use')) throw error;
    throw new StorageError(
      'in-use',
      `A gateway (or another import) is using ${database} ("fuser ${database}.lock" shows its process), and has its subscriptions in ` +
        'memory: stop it, import, start it again; with xmpp.onStop: keep nobody notices. --dry-run works meanwhile',
      { cause: error },
    );
  }
}

type Gathered = { readonly faults: number; readonly at: (position: number) => string };

/** Reads the file to its end. @throws BrokenInput; what the file system says */
async function gather(options: ImportOptions, rules: RecordRules, target: SubscriptionImport): Promise<Gathered> {
  const bytes = options.file === '-' ? process.stdin : createReadStream(options.file);
  const { records, unit } = await readRecords(bytes, options.format);
  const at = placesOf(nameOf(options), unit);
  let faults = 0;
  for await (const some of records) {
    for (const record of some) {
      const { position } = record;
      const row = 'fault' in record ? record.fault : rowOf(record.fields, rules);
      const earlier = typeof row === 'string' ? undefined : target.add(row, position);
      if (typeof row !== 'string' && earlier === undefined) continue;
      faults++;
      complain(at(position), typeof row === 'string' ? row : `the same contact and watcher are on ${unit} ${earlier}`);
    }
  }
  return { faults, at };
}

function placesOf(name: string, unit: Input['unit']): (position: number) => string {
  return (position) => (unit === 'line' ? `${name}:${position}` : `${name}: item ${position}`);
}

async function conclude(
  target: SubscriptionImport,
  database: string,
  left: number,
  options: ImportOptions,
): Promise<ExitCode> {
  const { dryRun, skipInvalid } = options;
  const faulty = `${left.toLocaleString('en-US')} record${left === 1 ? '' : 's'}`;
  if (left > 0 && !skipInvalid) {
    const verdict = dryRun ? 'nothing would be imported' : 'nothing was imported';
    printError(`${faulty} of ${nameOf(options)} can’t be imported: ${verdict} (--skip-invalid imports the others)`);
    return exitCode.dataError;
  }
  const { added, present } = dryRun ? target.counts() : target.keep();
  const leftOut = left === 0 ? '' : `; ${faulty} left out`;
  const [verb, were] = dryRun ? ['would be imported', 'are'] : ['imported', 'were'];
  const before = `${present.toLocaleString('en-US')} ${were} there already`;
  return await print(`${amount(added)} ${verb} into ${database}; ${before}${leftOut}\n`);
}

function nameOf({ file }: ImportOptions): string {
  return file === '-' ? 'standard input' : file;
}

function complain(place: string, fault: string): void {
  process.stderr.write(`${place}: ${printable(fault)}\n`);
}
