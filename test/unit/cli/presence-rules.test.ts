import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { presenceRules } from '../../../adapters/cli/presence-rules.ts';
import { RuleDirectory } from '../../../component/directory/rule-directory.ts';
import { MINUTE } from '../../../component/runtime/clock.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import { load, makeConfigurationFolder, minimal } from '../config/configuration-files.ts';

let folder: TempFolder;
beforeAll(() => {
  folder = makeConfigurationFolder();
});
afterAll(() => folder.remove());

/** The rules by which mailboxes are shown, of what is written below `presence:`. */
async function rulesOf(presence: string) {
  const yaml = `${minimal.replace("'{local}@example.com'", "'{local}@example.com'\n  contacts: { boardroom: room-4711@example.com }")}presence:\n${presence}`;
  const { configuration } = await load(folder, yaml);
  return presenceRules(configuration.presence, new RuleDirectory(configuration.directory));
}

test('what is not configured is as it always was', async () => {
  const rules = (await rulesOf('  priority: 0\n'))('alice@example.com');
  expect(rules).toMatchObject({
    looks: {
      Free: { available: true, show: undefined, status: {} },
      WorkingElsewhere: { available: true, show: undefined, status: { en: 'Working elsewhere' } },
      Busy: { available: true, show: 'dnd', status: { en: 'In a meeting' } },
      OOF: { available: true, show: 'away', status: { en: 'Away' } },
    },
    ...{ tentativeIsFree: true, shortest: 0, hours: undefined, times: false, textZone: undefined },
  });
  expect(rules.looks.Tentative).toBe(rules.looks.Free);
});

test('the text in the language of presence comes first', async () => {
  const of = await rulesOf('  language: de\n  statuses: { Busy: { status: { no: Opptatt, de: Besprechung } } }\n');
  const { Busy } = of('alice@example.com').looks;
  expect(Busy.available && Object.keys(Busy.status)).toEqual(['de', 'no']);
});

test('a tentative look of its own is what is not written of it for free time', async () => {
  const of = await rulesOf('  statuses: { Tentative: { status: { en: Perhaps } } }\n');
  const { looks, tentativeIsFree } = of('alice@example.com');
  expect(looks.Tentative).toEqual({ available: true, show: undefined, status: { en: 'Perhaps' } });
  expect(tentativeIsFree).toBe(false);
});

describe('times and hours', () => {
  test.each([
    ['times: none', { times: false, textZone: undefined, hours: undefined }],
    ['times: element', { times: true, textZone: undefined, hours: undefined }],
    ['times: text', { times: true, textZone: 'Europe/Berlin', hours: undefined }],
    ['workingHours: mailbox', { times: false, textZone: undefined, hours: 'mailbox' }],
    [
      'workingHours: [{ days: [Mon], from: 9:00, to: 17:00 }]',
      {
        ...{ times: false, textZone: undefined },
        hours: { zone: 'Europe/Berlin', periods: [{ days: [1], from: 540, to: 1020 }] },
      },
    ],
  ])('%s', async (written, meant) => {
    const of = await rulesOf(`  timeZone: Europe/Berlin\n  ${written}\n`);
    expect(of('alice@example.com')).toMatchObject(meant);
  });
});

describe('overrides', () => {
  const overrides = `  shortest: 1m
  overrides:
    contacts:
      BoardRoom: { shortest: 2m }
      Carol@Example.org: { shortest: 3m, statuses: { Busy: { show: xa } } }
    groups:
      all-rooms: { members: ["room-*@example.com"], shortest: 4m, times: element, allDay: { OOF: Free } }
      small-rooms: { members: [boardroom, room-1@example.com], shortest: 5m, allDay: { Busy: Free } }
      third: { members: ["*-1@example.com"], shortest: 6m, workingHours: mailbox }
    domains:
      Example.org: { shortest: 7m, times: text, timeZone: Europe/Paris, statuses: { Busy: { status: { en: Busy } } } }
`;

  test.each([
    ['everybody’s', 'alice@example.com', 1],
    ['the contact’s own, by its name', 'room-4711@example.com', 2],
    ['the contact’s own, by its mailbox', 'carol@example.org', 3],
    ['those of the first group with a pattern', 'room-2@example.com', 4],
    ['those of the group that names it', 'room-1@example.com', 5],
    ['those of the next group', 'desk-1@example.com', 6],
    ['those of the mail domain', 'dave@example.org', 7],
  ])('%s', async (_, mailbox, minutes) => {
    const of = await rulesOf(overrides);
    expect(of(mailbox).shortest).toBe(minutes * MINUTE);
    expect(of(mailbox)).toBe(of(mailbox));
  });

  test('leave what they do not say to the next that says it', async () => {
    const of = await rulesOf(overrides);
    expect(of('room-1@example.com')).toMatchObject({ times: true, textZone: undefined, hours: 'mailbox' });
    expect(of('room-1@example.com').allDay).toMatchObject({ Busy: 'Free', OOF: 'Free', Tentative: 'Tentative' });
    const carol = of('carol@example.org');
    expect(carol).toMatchObject({ times: true, textZone: 'Europe/Paris', shortest: 3 * MINUTE });
    expect(carol.looks.Busy).toEqual({ available: true, show: 'xa', status: { en: 'Busy' } });
  });

  test('that come to the same are the same object, also as everybody’s', async () => {
    const of = await rulesOf(`  times: element
  overrides:
    contacts: { bob: { times: none }, carol: { times: element } }
    groups: { quiet: { members: [dave], times: none } }
`);
    const [alice, bob, carol, dave] = ['alice', 'bob', 'carol', 'dave'].map((name) => of(`${name}@example.com`));
    expect(carol).toBe(alice);
    expect(dave).toBe(bob);
    expect(bob).not.toBe(alice);
  });

  test('may put back what a group changed', async () => {
    const of = await rulesOf(`  overrides:
    contacts: { alice: { statuses: { Tentative: Free, Busy: { status: {} } } } }
    groups: { g: { members: [alice, bob], statuses: { Tentative: { show: away }, Busy: { show: away } } } }
`);
    const [alice, bob] = [of('alice@example.com'), of('bob@example.com')];
    expect([alice.tentativeIsFree, bob.tentativeIsFree]).toEqual([true, false]);
    expect(alice.looks.Busy).toEqual({ available: true, show: 'away', status: {} });
    expect(bob.looks.Tentative).toEqual({ available: true, show: 'away', status: {} });
  });
});
