import { expect, test } from 'vitest';
import { SubscriptionPolicy, type WatcherRule } from '../../../component/subscription/subscription-policy.ts';

const policy = (domains: string[], rules: WatcherRule[] = []) =>
  new SubscriptionPolicy({ domains, rules, maxSubscriptions: 500 });

test('users of the listed domains may watch, nobody else', () => {
  const byDomain = policy(['example.com']);
  expect(byDomain.allows('bob@example.com', 'alice')).toBe(true);
  expect(byDomain.allows('bob@evil.example', 'alice')).toBe(false);
  expect(byDomain.allows('bob@sub.example.com', 'alice')).toBe(false);
  expect(byDomain.allows('example.com@evil.example', 'alice')).toBe(false);
  expect(byDomain.allows('bob@example.com.evil.example', 'alice')).toBe(false);
});

test('nobody is named: nobody may watch', () => {
  expect(policy([]).allows('bob@example.com', 'alice')).toBe(false);
});

test('the first rule that fits decides, before the domains', () => {
  const ruled = policy(
    ['example.com'],
    [
      { effect: 'allow', watcher: 'intern7@example.com' },
      { effect: 'deny', watcher: 'intern*@example.com' },
      { effect: 'allow', watcher: '*.partner.example' },
    ],
  );
  expect(ruled.allows('intern7@example.com', 'alice')).toBe(true);
  expect(ruled.allows('intern8@example.com', 'alice')).toBe(false);
  expect(ruled.allows('bob@example.com', 'alice')).toBe(true);
  expect(ruled.allows('eve@eu.partner.example', 'alice')).toBe(true);
  expect(ruled.allows('eve@partner.example', 'alice')).toBe(false);
});

test('a rule for some contacts leaves the others alone', () => {
  const ruled = policy(
    ['example.com'],
    [
      { effect: 'allow', watcher: 'assistant@example.com', contacts: ['ceo'] },
      { effect: 'deny', watcher: '*', contacts: ['ceo', 'board-*'] },
    ],
  );
  expect(ruled.allows('bob@example.com', 'ceo')).toBe(false);
  expect(ruled.allows('bob@example.com', 'board-2')).toBe(false);
  expect(ruled.allows('assistant@example.com', 'ceo')).toBe(true);
  expect(ruled.allows('bob@example.com', 'alice')).toBe(true);
});

test('characters that mean something to regular expressions mean themselves', () => {
  const ruled = policy([], [{ effect: 'allow', watcher: 'a.b+c@example.com' }]);
  expect(ruled.allows('a.b+c@example.com', 'alice')).toBe(true);
  expect(ruled.allows('axbbc@example.com', 'alice')).toBe(false);
});
