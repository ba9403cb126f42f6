import xml from '@xmpp/xml';
import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../component/runtime/clock.ts';
import { instantOf, localDay } from '../../component/runtime/time-zone.ts';
import { NS_CALENDAR } from '../../component/xmpp/presence-stanza.ts';
import { from, openHouse } from '../support/house.ts';
import type { Received } from '../support/xmpp-watcher.ts';

/** The zone of the simulator's mailboxes, too. */
const BERLIN = 'Europe/Berlin';
const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** As `en` says it; the day is there when the test runs late in the evening. */
function untilText(status: string, end: number): RegExp {
  const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short', timeZone: BERLIN }).format(end);
  return new RegExp(`^${status} until (\\w+, )?${clock}$`);
}

function seen({ show, status, element }: Received) {
  const { since, until } = element.getChild('calendar', NS_CALENDAR)?.attrs ?? {};
  return { show, status, since, until };
}

test('each contact shows what is configured for it, for its group, for its domain, or for all', async () => {
  const farDay = weekdays[(new Date().getUTCDay() + 3) % 7];
  await using house = await openHouse({
    speed: { calendar: 60 },
    mailboxes: ['alice', 'carol', 'dave', 'erin', 'room-7'],
    config: {
      calendar: { refresh: '1m', staleAfter: '10m' },
      presence: {
        ...{ times: 'text', timeZone: BERLIN },
        overrides: {
          contacts: { carol: { times: 'none', statuses: { Busy: { show: 'xa', status: { en: 'Do not knock' } } } } },
          groups: {
            shift: {
              members: ['dave', 'room-*@example.test'],
              workingHours: [{ days: [farDay], from: '09:00', to: '17:00' }],
              statuses: { OffHours: { status: { en: 'At home' } } },
            },
          },
          domains: { 'example.test': { allDay: { Busy: 'Free' }, shortest: '3m' } },
        },
      },
    },
  });
  const { calendars } = house.exchange;
  const end = Math.ceil(house.now() / HOUR) * HOUR + 2 * HOUR;
  const meeting = { start: Math.floor(house.now() / MINUTE) * MINUTE - 30 * MINUTE, end };
  const id = calendars.book(house.mailbox('alice'), meeting);
  calendars.book(house.mailbox('carol'), meeting);
  const today = localDay(BERLIN, house.now());
  const [midnight, otherMidnight] = [instantOf(BERLIN, (today - 1) * DAY), instantOf(BERLIN, (today + 2) * DAY)];
  calendars.book(house.mailbox('erin'), { start: midnight, end: otherMidnight });

  const bob = await house.watcher('bob');
  const look = async (name: string, show?: string) => {
    await bob.subscribe(house.contact(name));
    return seen(await bob.next(from(house.contact(name), undefined, show)));
  };
  const stamp = (at: number) => `${new Date(at).toISOString().slice(0, 19)}Z`;

  const alice = await look('alice', 'dnd');
  expect(alice).toMatchObject({ since: stamp(meeting.start), until: stamp(end) });
  expect(alice.status).toMatch(untilText('In a meeting', end));
  const nothing = { since: undefined, until: undefined };
  expect(await look('carol', 'xa')).toEqual({ show: 'xa', status: 'Do not knock', ...nothing });
  for (const name of ['dave', 'room-7']) {
    expect(await look(name, 'xa')).toMatchObject({ status: 'At home', until: undefined });
  }
  // Three whole days in the mailbox's zone.
  expect(await look('erin')).toMatchObject({ show: undefined, status: undefined });

  // A longer meeting is one stanza, one of two minutes none; who asks in words is told the same.
  const before = bob.received.length;
  calendars.move(id, { start: meeting.start, end: end + HOUR });
  calendars.book(house.mailbox('erin'), { start: house.now() + 4 * MINUTE, end: house.now() + 6 * MINUTE });
  const longer = seen(await bob.next(from(house.contact('alice'), undefined, 'dnd'), 10_000));
  expect(longer).toMatchObject({ show: 'dnd', until: stamp(end + HOUR) });
  expect(longer.status).toMatch(untilText('In a meeting', end + HOUR));
  await bob.expectSilence(8_000);
  expect(bob.received.length).toBe(before + 1);
  await bob.send(xml('message', { to: house.contact('alice'), type: 'chat' }, xml('body', {}, 'How long?')));
  const answer = await bob.next(({ name }) => name === 'message');
  expect(answer.body).toMatch(untilText('alice: In a meeting', end + HOUR));
});
