import type { Dispatcher } from 'undici';
import { expect, test } from 'vitest';
import { offers, tokenOf } from '../../../../adapters/ews/ntlm/handshake-answer.ts';

function response(header: string): Dispatcher.ResponseData {
  return { headers: { 'www-authenticate': header } } as unknown as Dispatcher.ResponseData;
}

test.each([
  ['NTLM', true],
  ['Basic realm="a, NTLM", Negotiate', false],
  [String.raw`Basic realm="a\", NTLM", NTLM`, true],
  [String.raw`Basic realm="a\", NTLM`, false],
  ['Basic realm="a, NTLM', false],
])('%s offers NTLM: %s', (header, expected) => {
  expect(offers(response(header), 'NTLM')).toBe(expected);
});

test.each([
  ['that do not end', ''],
  ['and a last backslash', '\\'],
])('a header of quotes %s is read at once', (_what, end) => {
  const answer = response(`"${'\\"'.repeat(7_500)}${end}`);
  const start = performance.now();
  expect(offers(answer, 'NTLM')).toBe(false);
  expect(tokenOf(answer, 'NTLM')).toBeUndefined();
  expect(performance.now() - start).toBeLessThan(50);
});
