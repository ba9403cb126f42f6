import { expect, test } from 'vitest';
import { trustedHosts } from '../../../../adapters/ews/autodiscover/trusted-hosts.ts';

const trusts = trustedHosts({
  url: 'https://find.hoster.example/autodiscover/autodiscover.svc',
  hosts: ['mail.hoster.example', '*.cloud.example'],
  domains: ['example.net', 'bücher.example'],
});

test.each([
  ['example.com', true],
  ['mail.example.com', true],
  ['EX01.eu.Example.COM', true],
  ['mail.example.com.', true],
  ['find.hoster.example', true],
  ['mail.hoster.example', true],
  ['other.hoster.example', false],
  ['a.cloud.example', true],
  ['cloud.example', false],
  ['mail.example.net', true],
  ['mail.xn--bcher-kva.example', true],
  ['badexample.com', false],
  ['example.com.attacker.example', false],
  ['com', false],
  ['autodiscover.com', false],
  ['127.0.0.1', false],
  ['', false],
])('the password for a mailbox of example.com goes to %s: %s', (host, expected) => {
  expect(trusts(host, 'example.com')).toBe(expected);
});

test('no mail domain is everybody’s', () => {
  expect(trustedHosts({ hosts: [], domains: [] })('mail.example.com', '')).toBe(false);
});
