import { describe, expect, test } from 'vitest';
import { Calendars } from '../../support/exchange-simulator/calendars.ts';

const at = (time: string): number => Date.parse(`2026-01-09T${time}:00Z`);
const today = at('00:00');

function calendarsOf(address: string): Calendars {
  const calendars = new Calendars();
  calendars.addMailbox(address);
  return calendars;
}

describe('calendars', () => {
  test('keep what is booked, in the order of its start, as Busy unless it says otherwise', () => {
    const calendars = calendarsOf('alice@example.test');
    calendars.book('alice@example.test', {
      start: at('11:00'),
      end: at('12:00'),
      status: 'Tentative',
      subject: 'Later',
    });
    calendars.book('ALICE@example.test', { start: new Date(at('10:00')), end: new Date(at('10:30')) });
    expect(calendars.entries('alice@example.test')).toMatchObject([
      { start: at('10:00'), end: at('10:30'), status: 'Busy', subject: '' },
      { start: at('11:00'), end: at('12:00'), status: 'Tentative', subject: 'Later' },
    ]);
  });

  test('move an entry and keep everything else of it', () => {
    const calendars = calendarsOf('alice@example.test');
    const id = calendars.outOfOffice('alice@example.test', { start: at('10:00'), end: at('11:00') });
    calendars.move(id, { start: at('14:00'), end: at('15:00') });
    expect(calendars.entries('alice@example.test')).toMatchObject([
      { id, start: at('14:00'), end: at('15:00'), status: 'OOF' },
    ]);
  });

  test('cancel an entry once', () => {
    const calendars = calendarsOf('alice@example.test');
    const id = calendars.book('alice@example.test', { start: at('10:00'), end: at('11:00') });
    calendars.cancel(id);
    expect(calendars.entries('alice@example.test')).toEqual([]);
    expect(() => calendars.cancel(id)).toThrow('There is no entry');
  });

  test('forget the entries of a mailbox with the mailbox', () => {
    const calendars = calendarsOf('alice@example.test');
    const id = calendars.book('alice@example.test', { start: at('10:00'), end: at('11:00') });
    calendars.removeMailbox('alice@example.test');
    expect(() => calendars.move(id, { start: at('12:00'), end: at('13:00') })).toThrow('There is no entry');
    expect(() => calendars.entries('alice@example.test')).toThrow('There is no mailbox');
    calendars.addMailbox('alice@example.test');
    expect(calendars.entries('alice@example.test')).toEqual([]);
  });

  test('refuse to book where there is no mailbox, or backwards in time', () => {
    const calendars = calendarsOf('alice@example.test');
    const span = { start: at('10:00'), end: at('11:00') };
    expect(() => calendars.book('bob@example.test', span)).toThrow('There is no mailbox bob@example.test');
    expect(() => calendars.book('alice@example.test', { start: span.end, end: span.start })).toThrow(RangeError);
  });

  test('find what overlaps a span, not what touches it, and entries without a duration at their instant', () => {
    const calendars = calendarsOf('alice@example.test');
    const book = (start: string, end: string): string =>
      calendars.book('alice@example.test', { start: at(start), end: at(end) });
    book('09:00', '10:00');
    book('11:00', '12:00');
    const inside = [book('09:59', '10:01'), book('10:00', '10:00'), book('10:59', '11:30')];
    book('11:00', '11:00');
    const found = calendars.entriesBetween('alice@example.test', at('10:00'), at('11:00'));
    expect(found.map(({ id }) => id)).toEqual(inside);
  });
});

describe('a calendar file', () => {
  test('has times of today, which may run past midnight, and instants', () => {
    const calendars = new Calendars();
    calendars.loadCalendars(
      `
alice@example.test:
  - { at: "10:00", until: 10:30, status: WorkingElsewhere, subject: Stand-up }
  - { at: "23:00", until: "01:00" }
  - { at: "18:00", until: "24:00", status: Tentative }
  - { at: 2026-01-09T08:00:00+01:00, until: 2026-01-10T07:00:00Z, status: OOF }
bob@example.test:
director@example.test: { access: none }
`,
      { today },
    );
    const day = 24 * 60 * 60 * 1000;
    expect(calendars.entries('alice@example.test')).toMatchObject([
      { start: at('07:00'), end: at('07:00') + day, status: 'OOF' },
      { start: at('10:00'), end: at('10:30'), status: 'WorkingElsewhere', subject: 'Stand-up' },
      { start: at('18:00'), end: today + day, status: 'Tentative' },
      { start: at('23:00'), end: at('01:00') + day, status: 'Busy' },
    ]);
    expect(calendars.entries('bob@example.test')).toEqual([]);
    expect(calendars.access('director@example.test')).toBe('none');
  });

  test('replaces the mailboxes that it names, and no others', () => {
    const calendars = calendarsOf('alice@example.test');
    calendars.addMailbox('bob@example.test');
    for (const address of ['alice@example.test', 'bob@example.test']) {
      calendars.book(address, { start: at('10:00'), end: at('11:00') });
    }
    calendars.loadCalendars('alice@example.test: []', { today });
    expect(calendars.entries('alice@example.test')).toHaveLength(0);
    expect(calendars.entries('bob@example.test')).toHaveLength(1);
  });

  test.each([
    ['an unknown status', 'alice@example.test: [{ at: "10:00", until: "11:00", status: Asleep }]', 'status'],
    ['an unknown key', 'alice@example.test: [{ at: "10:00", to: "11:00" }]', 'to'],
    ['an hour that does not exist', 'alice@example.test: [{ at: "25:00", until: "26:00" }]', '25:00'],
    ['an instant without an offset', 'alice@example.test: [{ at: 2026-01-09T10:00:00, until: "11:00" }]', 'offset'],
    ['an address without a domain', 'alice: []', 'alice'],
  ])('with %s is refused by name and changes nothing', (_, text, named) => {
    const calendars = calendarsOf('alice@example.test');
    calendars.book('alice@example.test', { start: at('10:00'), end: at('11:00') });
    expect(() => calendars.loadCalendars(text, { today })).toThrow(named);
    expect(calendars.entries('alice@example.test')).toHaveLength(1);
  });
});
