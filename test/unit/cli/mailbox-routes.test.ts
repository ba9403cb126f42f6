import { describe, expect, test } from 'vitest';
import { mailboxRoutes, type Serving } from '../../../adapters/cli/mailbox-routes.ts';
import { matchesPattern } from '../../../config/pattern.ts';

type Named = Serving & { readonly name: string };

function route(servers: readonly Named[], mailbox: string): string | undefined {
  return mailboxRoutes(servers)(mailbox)?.name;
}

const rest: Named = { name: 'rest' };
const domain: Named = { name: 'domain', domains: ['example.com'] };
const rooms: Named = { name: 'rooms', mailboxes: ['room-*@example.com'] };
const bigRooms: Named = { name: 'big-rooms', mailboxes: ['room-big-*@example.com'] };
const anywhere: Named = { name: 'anywhere', mailboxes: ['*@*.example.com', 'room-*@*'] };
const one: Named = { name: 'one', mailboxes: ['room-big-1@example.com'] };

describe('a mailbox finds its server', () => {
  const all = [rest, domain, anywhere, rooms, bigRooms, one];
  test.each([
    ['room-big-1@example.com', 'one'],
    ['room-big-2@example.com', 'big-rooms'],
    ['room-2@example.com', 'rooms'],
    ['alice@example.com', 'domain'],
    ['alice@eu.example.com', 'anywhere'],
    ['alice@example.org', 'rest'],
    ['room-3@example.org', 'anywhere'],
    ['ROOM-BIG-1@Example.COM', 'one'],
    ['alice@notexample.com', 'rest'],
  ])('%s: %s', (mailbox, expected) => {
    expect(route(all, mailbox)).toBe(expected);
    expect(route([...all].reverse(), mailbox)).toBe(expected);
  });

  test('a mail domain does not take those below it along', () => {
    expect(route([domain], 'alice@eu.example.com')).toBeUndefined();
  });

  test('and the next one that it may be on, by every server’s own rules, in the same order and in a circle', () => {
    const circle = (mailbox: string): string[] => {
      const routes = mailboxRoutes([...all, { name: 'stranger', domains: ['stranger.test'] }]);
      const found: Named[] = [];
      for (let next = routes(mailbox); next !== undefined && !found.includes(next); next = routes(mailbox, next)) {
        found.push(next);
      }
      return found.map(({ name }) => name);
    };
    expect(circle('room-big-1@example.com')).toEqual(['one', 'big-rooms', 'rooms', 'anywhere', 'domain', 'rest']);
    expect(circle('ROOM-2@example.com')).toEqual(['rooms', 'anywhere', 'domain', 'rest']);
    expect(circle('alice@example.com')).toEqual(['domain', 'rest']);
    expect(circle('alice@example.org')).toEqual(['rest']);
    expect(mailboxRoutes([domain])('alice@example.com', domain)).toBe(domain);
    expect(mailboxRoutes([domain])('alice@example.org', domain)).toBeUndefined();
  });

  test('of two patterns that fix as much the first decides, however they are written', () => {
    const strict: Named = { name: 'strict', mailboxes: ['a*@b.test'] };
    const loose: Named = { name: 'loose', mailboxes: ['*a@*.test', 'a*@*b.test'] };
    expect(route([strict, loose], 'a@b.test')).toBe('strict');
    expect(route([loose, strict], 'a@b.test')).toBe('loose');
  });
});

test('200 servers and 100,000 mailboxes: a mailbox tries the patterns of its own domain only', () => {
  let tried = 0;
  const servers = Array.from({ length: 200 }, (_each, index): Named => {
    const name = `s${index}`;
    return index % 2 === 0
      ? { name, domains: [`d${index}.test`], mailboxes: [`vip@d${index + 1}.test`] }
      : { name, mailboxes: [`*@d${index}.test`] };
  });
  const routes = mailboxRoutes(servers, (mailbox, pattern) => {
    tried++;
    return matchesPattern(mailbox, pattern);
  });
  for (let index = 0; index < 100_000; index++) {
    const server = index % 200;
    expect(routes(`user${index}@d${server}.test`)?.name).toBe(`s${server}`);
  }
  expect(tried).toBe(50_000);
});

describe('a pattern', () => {
  test.each([
    ['*', '', true],
    ['*@b.test', 'a@b.test', true],
    ['*@b.test', 'a@xb.test', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['a**', 'a', true],
    ['a.c', 'abc', false],
    ['', 'a', false],
  ])('%s and %s: %s', (pattern, text, expected) => {
    expect(matchesPattern(text, pattern)).toBe(expected);
  });

  test('with many stars takes no time for a text that nearly fits', () => {
    expect(matchesPattern('a'.repeat(5_000), `${'*a'.repeat(200)}*b`)).toBe(false);
  });
});
