import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { whatMakesNoSense } from '../../../adapters/cli/check-options.ts';
import type { Configuration } from '../../../config/schema.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import { load, makeConfigurationFolder } from '../config/configuration-files.ts';

let folder: TempFolder;
let configuration: Configuration;
beforeAll(async () => {
  folder = makeConfigurationFolder();
  const account = { url: 'https://mail.example.com/EWS', username: 'svc', passwordFile: 'exchange-password' };
  const yaml = stringify({
    xmpp: { domain: 'calendar.example.com', secretFile: 'component-secret' },
    exchange: {
      servers: [
        { name: 'hq', ...account, domains: ['example.com'] },
        { name: 'branch', ...account, mailboxes: ['*@branch.example.com'] },
        { name: 'cloud', ...account, mailboxes: ['*@*example.com'] },
      ],
    },
    directory: { rule: '{local}@example.com', contacts: { boss: 'b.o@branch.example.com' } },
    watchers: { domains: ['example.com'] },
  });
  ({ configuration } = await load(folder, yaml));
});
afterAll(() => folder.remove());

function told(mailbox: string | undefined, ...names: readonly string[]): string | undefined {
  const { servers } = configuration.exchange;
  const asked = names.length === 0 ? servers : servers.filter(({ name }) => names.includes(name));
  return whatMakesNoSense({ mailbox, servers: names, json: false }, configuration, asked);
}

describe('the options of a check', () => {
  test.each([
    [undefined, []],
    [undefined, ['branch']],
    ['alice@example.com', []],
    ['alice@branch.example.com', ['branch']],
    // It may have moved there.
    ['alice@branch.example.com', ['cloud']],
  ])('make sense: --mailbox %s --server %j', (mailbox, names) => {
    expect(told(mailbox, ...names)).toBeUndefined();
  });

  test.each([
    ['alice', 'takes a whole mail address, and not “alice”; did you mean alice@example.com?'],
    ['boss', 'and not “boss”; did you mean b.o@branch.example.com?'],
    ['', 'and not “”, as in alice@example.com'],
    ['a b@example.com', 'and not “a b@example.com”, as in alice@example.com'],
    ['alice@', 'and not “alice@”; did you mean alice@example.com?'],
    ['alice@calendar.example.com', 'is a contact; --mailbox takes the address of the mailbox; did you mean alice@ex'],
    ['alice@nowhere.test', 'no server is configured for alice@nowhere.test'],
  ])('are refused, with what was meant: --mailbox %j', (mailbox, expected) => {
    expect(told(mailbox)).toContain(expected);
  });

  test('are refused when the mailbox is on a server that is left out', () => {
    expect(told('alice@example.com', 'branch')).toBe('alice@example.com is on cloud, which --server leaves out');
    expect(told(undefined, 'hp')).toBe('there is no server “hp”; configured are hq, branch, cloud');
  });
});
