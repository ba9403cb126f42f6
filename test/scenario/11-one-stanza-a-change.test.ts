import { expect, test, vi } from 'vitest';
import { from, openHouse } from '../support/house.ts';

// Checklist 11: exactly one stanza per watcher for each change; an unchanged refresh says nothing.
test('a day of meetings is one stanza a change for each watcher, however often Exchange is asked', async () => {
  await using house = await openHouse({
    speed: { calendar: 60 },
    config: { calendar: { refresh: '1m', staleAfter: '10m' } },
  });
  const alice = house.contact('alice');
  const MINUTE = 60_000;
  const start = house.now() + 4 * MINUTE;
  const book = (from: number, to: number, status: 'Busy' | 'Tentative' | 'OOF' | 'WorkingElsewhere') =>
    house.exchange.calendars.book(house.mailbox('alice'), {
      start: start + from * MINUTE,
      end: start + to * MINUTE,
      status,
    });
  book(0, 2, 'Busy');
  book(2, 4, 'Busy');
  book(3, 5, 'Busy');
  book(4, 7, 'Tentative');
  book(6, 8, 'OOF');
  book(8, 10, 'WorkingElsewhere');
  const [bob, carol] = [await house.watcher('bob'), await house.watcher('carol')];
  await bob.subscribe(alice);
  await carol.subscribe(alice);
  await bob.next(from(alice));
  await carol.next(from(alice));
  const looks = ({ received }: typeof bob) =>
    received
      .filter(({ type }) => type === undefined)
      .map(({ show, status }) => `${show ?? 'available'} ${status ?? ''}`.trim());
  const expected = [
    'available',
    'dnd In a meeting',
    'available',
    'away Away',
    'available Working elsewhere',
    'available',
  ];
  await vi.waitFor(() => expect(looks(bob)).toEqual(expected), { timeout: 20_000, interval: 100 });
  await bob.expectSilence(2_000);
  expect(looks(bob)).toEqual(expected);
  expect(looks(carol)).toEqual(expected);
  expect(house.exchange.requests.length).toBeGreaterThan(10);
});
