import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../../component/xmpp/address.ts';

describe('an address', () => {
  test.each([
    [
      'Bob@Example.NET/Desk Top',
      { bare: 'bob@example.net', local: 'bob', domain: 'example.net', resource: 'Desk Top' },
    ],
    ['example.net', { bare: 'example.net', local: '', domain: 'example.net', resource: '' }],
    ['example.net/a@b/c', { bare: 'example.net', resource: 'a@b/c' }],
    ['o\\27neil@example.net', { local: 'o\\27neil' }],
    ['用户@例え.example/\u{1F600}', { local: '用户', domain: '例え.example', resource: '\u{1F600}' }],
    ['a@[::1]', { domain: '[::1]' }],
    [`${'x'.repeat(1023)}@example.net`, { domain: 'example.net' }],
  ])('%s is split', (text, parts) => {
    expect(parseAddress(text)).toMatchObject({ full: text, ...parts });
  });

  test.each([
    ...['', '@example.net', 'a@', 'a@/b', 'a@b@c', 'a@example.net/', `${'x'.repeat(1024)}@example.net`],
    // RFC 7622 §3.3.1: two subscriptions that differ in what no address has would look the same in lists and logs.
    ...[
      'a b@example.net',
      'a\nb@example.net',
      'a@exam\tple.net',
      'a\u0000@b',
      "o'neil@b",
      'a"@b',
      'a&b@c',
      'a<b@c',
      'a:b@c',
    ],
    ...['a@b/c\nd', 'a\ufffd@example.net', 'a\u0085@example.net'],
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});
