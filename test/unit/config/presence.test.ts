import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TempFolder } from '../../support/temp-folder.ts';
import { load, makeConfigurationFolder, minimal, problemsOf } from './configuration-files.ts';

let folder: TempFolder;
beforeAll(() => {
  folder = makeConfigurationFolder();
});
afterAll(() => folder.remove());

const presence = (keys: string) => `${minimal}presence: { ${keys} }\n`;

describe('presence that does not do', () => {
  test.each([
    [
      'a status that counts as another',
      'statuses: { Tentative: Busy }',
      '36: presence.statuses.Tentative: found "Busy", expected Free, or a mapping with show and status',
    ],
    [
      'a slip in a tentative look',
      'statuses: { Tentative: { shwo: xa } }',
      '38: presence.statuses.Tentative.shwo: found an unknown key, expected a known one: did you mean show?',
    ],
    [
      'an all-day entry that nobody knows of',
      'allDay: { Busy: NoData }',
      '29: presence.allDay.Busy: found "NoData", expected one of Free, Tentative, WorkingElsewhere, Busy, OOF',
    ],
    [
      'a shortest that hides meetings',
      'shortest: 16m',
      '23: presence.shortest: found "16m", expected a duration from 0s to 15m',
    ],
    [
      'hours that are none',
      'workingHours: on',
      '27: presence.workingHours: found "on", expected off, mailbox, or a list of entries with days, from and to',
    ],
    [
      'no hours',
      'workingHours: []',
      '27: presence.workingHours: found an empty list, expected at least one entry, or off',
    ],
    [
      'no day',
      'timeZone: UTC, workingHours: [{ days: [], from: 9:00, to: 17:00 }]',
      '51: presence.workingHours[0].days: found an empty list, expected at least one day',
    ],
    [
      'a day in full',
      'timeZone: UTC, workingHours: [{ days: [Monday], from: 9:00, to: 17:00 }]',
      '52: presence.workingHours[0].days[0]: found "Monday", expected one of Sun, Mon, Tue, Wed, Thu, Fri, Sat',
    ],
    [
      'a time that is none',
      'timeZone: UTC, workingHours: [{ days: [Mon], from: 9am, to: 24:00 }]',
      '64: presence.workingHours[0].from: found "9am", expected a time of day from 00:00 to 23:59, as in 09:00',
    ],
    [
      'hours without an end',
      'timeZone: UTC, workingHours: [{ days: [Mon], from: 09:00 }]',
      '43: presence.workingHours[0].to: found nothing, expected a time of day from 00:00 to 23:59, as in 09:00',
    ],
    [
      'hours in no zone',
      'workingHours: [{ days: [Mon], from: 09:00, to: 17:00 }]',
      '1: presence.timeZone: found nothing, expected a time zone of the IANA database, as in Europe/Berlin: workingHours go by it',
    ],
    [
      'times in no zone',
      'times: text',
      '1: presence.timeZone: found nothing, expected a time zone of the IANA database, as in Europe/Berlin: texts go by it',
    ],
    [
      'times for somebody',
      'times: bob@example.com',
      '20: presence.times: found "bob@example.com", expected one of none, element, text',
    ],
    [
      'a zone that is none',
      'timeZone: Berlin',
      '23: presence.timeZone: found "Berlin", expected a time zone of the IANA database, as in Europe/Berlin',
    ],
  ])('%s', async (_, keys, problem) => {
    const [first, ...others] = await problemsOf(folder, presence(keys));
    expect(first).toBe(`gateway.yaml:14:${problem}`);
    // Only "9am, to: 24:00" is two mistakes.
    expect(others.length).toBe(keys.includes('24:00') ? 1 : 0);
  });

  test('a shortest of which the beginning is not known', async () => {
    const yaml = `${presence('shortest: 10m, overrides: { domains: { example.com: { shortest: 6m } } }')}calendar: { window: { past: 5m } }\n`;
    expect(await problemsOf(folder, yaml)).toEqual([
      'gateway.yaml:14:23: presence.shortest: found "10m", expected at most calendar.window.past: 5m',
      'gateway.yaml:14:77: presence.overrides.domains["example.com"].shortest: found "6m", expected at most calendar.window.past: 5m',
    ]);
  });
});

describe('overrides that do not do', () => {
  test.each([
    [
      'a name with a *',
      'contacts: { "room-*": {} }',
      '38: presence.overrides.contacts["room-*"]: found "room-*", expected a contact\'s name, as in boardroom, or a mail address',
    ],
    [
      'a contact twice',
      'contacts: { Room: {}, room: {} }',
      '54: presence.overrides.contacts.room: found a mapping, expected each once, in whatever letter case',
    ],
    [
      'a domain twice',
      'domains: { a.example: {}, A.example: {} }',
      '63: presence.overrides.domains["A.example"]: found a mapping, expected each once, in whatever letter case',
    ],
    [
      'what is no domain',
      'domains: { a@b.example: {} }',
      '37: presence.overrides.domains["a@b.example"]: found "a@b.example", expected a mail domain, as in example.com',
    ],
    [
      'a group in capitals',
      'groups: { Rooms: { members: [a] } }',
      '36: presence.overrides.groups.Rooms: found "Rooms", expected a short name of a-z, 0-9 and -, that begins with a letter, as in rooms',
    ],
    [
      'a group of nobody',
      'groups: { rooms: { members: [] } }',
      '54: presence.overrides.groups.rooms.members: found an empty list, expected at least one member',
    ],
    [
      'a group without members',
      'groups: { rooms: { times: none } }',
      '36: presence.overrides.groups.rooms.members: found nothing, expected a list',
    ],
    [
      'a pattern of a contact',
      'groups: { rooms: { members: [room-*] } }',
      '55: presence.overrides.groups.rooms.members[0]: found "room-*", expected a contact\'s name, a mail address, or a pattern of one with *, as in room-*@example.com',
    ],
    [
      'what holds for all',
      'contacts: { a: { language: de } }',
      '43: presence.overrides.contacts.a.language: found an unknown key, expected one of statuses, allDay, shortest, workingHours, times, timeZone',
    ],
    [
      'times in no zone',
      'contacts: { a: { times: text } }',
      '38: presence.overrides.contacts.a.timeZone: found nothing, expected a time zone of the IANA database, as in Europe/Berlin: texts go by it',
    ],
    [
      'a text in another language',
      'contacts: { a: { statuses: { Busy: { status: { de: x } } } } }',
      '71: presence.overrides.contacts.a.statuses.Busy.status: found a mapping, expected also a text in en, the language of presence',
    ],
  ])('%s', async (_, keys, problem) => {
    expect(await problemsOf(folder, presence(`overrides: { ${keys} }`))).toEqual([`gateway.yaml:14:${problem}`]);
  });

  test('contacts that the directory has not, where it has no rule', async () => {
    const keys =
      'overrides: { contacts: { Room: {}, other: {} }, groups: { g: { members: [room, third, a@b.example] } } }';
    const yaml = presence(keys).replace("rule: '{local}@example.com'", 'contacts: { room: room-1@example.com }');
    expect((await problemsOf(folder, yaml)).map((line) => line.replace(/: found.*expected/, ':'))).toEqual([
      'gateway.yaml:14:55: presence.overrides.contacts.other: a contact of directory.contacts, or a mail address',
      'gateway.yaml:14:92: presence.overrides.groups.g.members[1]: a contact of directory.contacts, or a mail address',
    ]);
  });
});

test('working hours are days from 0, which is Sunday, and minutes of the day', async () => {
  const hours = '[{ days: [Mon, Fri], from: 9:00, to: 17:30 }, { days: [Sun], from: 22:00, to: 06:00 }]';
  const { configuration } = await load(folder, presence(`timeZone: Europe/Berlin, workingHours: ${hours}`));
  expect(configuration.presence.rules).toMatchObject({
    timeZone: 'Europe/Berlin',
    workingHours: [
      { days: [1, 5], from: 540, to: 1050 },
      { days: [0], from: 1320, to: 360 },
    ],
  });
});
