import { expect, test } from 'vitest';
import { rc4 } from '../../../../adapters/ews/ntlm/rc4.ts';

test('the keystream of a 128-bit key is as published (RFC 6229 §2)', () => {
  const key = Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex');
  const stream = rc4(key, Buffer.alloc(272));
  expect(stream.subarray(0, 32).toString('hex')).toBe(
    '9ac7cc9a609d1ef7b2932899cde41b975248c4959014126a6e8a84f11d1a9e1c',
  );
  expect(stream.subarray(240, 272).toString('hex')).toBe(
    '065902e4b620f6cc36c8589f66432f2bd39d566bc6bce3010768151549f3873f',
  );
});
