import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { md4 } from '../../../../adapters/ews/ntlm/md4.ts';
import { ntlmIdentity } from '../../../../adapters/ews/ntlm/ntlm-identity.ts';

const utf16 = (text: string) => Buffer.from(text, 'utf16le');

/** NTOWFv2 of MS-NLMP §3.3.2, from what has to go into it. */
function responseKey(password: string, upperCaseUserAndDomain: string): Buffer {
  return createHmac('md5', md4(utf16(password)))
    .update(utf16(upperCaseUserAndDomain))
    .digest();
}

describe('a user name', () => {
  test.each([
    ['CONTOSO\\svc-presence', 'svc-presence', 'CONTOSO', 'SVC-PRESENCECONTOSO'],
    ['contoso.com\\svc-presence', 'svc-presence', 'contoso.com', 'SVC-PRESENCEcontoso.com'],
    ['svc-presence@contoso.com', 'svc-presence@contoso.com', '', 'SVC-PRESENCE@CONTOSO.COM'],
    ['svc-presence', 'svc-presence', '', 'SVC-PRESENCE'],
    ['.\\svc-presence', 'svc-presence', '.', 'SVC-PRESENCE.'],
    ['A\\größe', 'größe', 'A', 'GRÖßEA'],
  ])('%s is understood', (name, user, domain, keyed) => {
    expect(ntlmIdentity(name, 'pässword')).toEqual({
      user: utf16(user),
      domain: utf16(domain),
      responseKey: responseKey('pässword', keyed),
    });
  });

  test.each(['', 'CONTOSO\\', 'a\u0000b', 'a'.repeat(1025)])('%j is refused', (name) => {
    expect(() => ntlmIdentity(name, 'secret')).toThrow(RangeError);
  });
});

test('a password with a line break is refused, and not shown', () => {
  expect(() => ntlmIdentity('user', 'geheim\n')).toThrow(
    expect.objectContaining({ name: 'RangeError', message: expect.not.stringContaining('geheim') }),
  );
});
