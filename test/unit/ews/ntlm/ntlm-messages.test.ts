import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answerChallenge } from '../../../../adapters/ews/ntlm/answer-challenge.ts';
import { ntlmIdentity } from '../../../../adapters/ews/ntlm/ntlm-identity.ts';
import { encodeNegotiate, parseChallenge } from '../../../../adapters/ews/ntlm/ntlm-messages.ts';
import { CalendarSourceError } from '../../../../component/calendar/calendar-source-error.ts';
import { challengeMessage, hex, publishedChallenge } from './ntlm-vectors.ts';

test('the published challenge is read (MS-NLMP §4.2.4.3)', () => {
  const challenge = parseChallenge(publishedChallenge);
  expect(challenge.flags).toBe(0xe28a8233);
  expect(challenge.serverChallenge).toEqual(hex('0123456789abcdef'));
  expect(challenge.targetInfo.map(({ id, value }) => [id, value.toString('utf16le')])).toEqual([
    [2, 'Domain'],
    [1, 'Server'],
  ]);
  expect(challenge.timestamp).toBeUndefined();
});

test('a NEGOTIATE_MESSAGE has the flags, the version and nothing else', () => {
  expect(encodeNegotiate(0xe2888235, hex('0501280a0000000f')).toString('hex')).toBe(
    '4e544c4d5353500001000000358288e200000000000000000000000000000000' + '0501280a0000000f',
  );
});

function changed(change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(publishedChallenge);
  change(bytes);
  return bytes;
}

describe('a challenge that can not be answered', () => {
  test.each<[string, Buffer]>([
    ['is empty', Buffer.alloc(0)],
    ['is cut short in its head', publishedChallenge.subarray(0, 31)],
    ['ends before the target information that it announces', publishedChallenge.subarray(0, 47)],
    ['is cut short in its target information', publishedChallenge.subarray(0, -1)],
    ['is another message', changed((bytes) => bytes.writeUInt32LE(3, 8))],
    ['has another signature', changed((bytes) => bytes.write('KERBEROS'))],
    ['points beyond its end', changed((bytes) => bytes.writeUInt32LE(0xffff_ffff, 44))],
    ['has target information longer than itself', changed((bytes) => bytes.writeUInt16LE(0xffff, 40))],
    ['has an AV pair longer than the target information', changed((bytes) => bytes.writeUInt16LE(0xffff, 70))],
    ['has target information without an end', changed((bytes) => bytes.writeUInt16LE(32, 40))],
    ['has no target information but says so', changed((bytes) => bytes.writeUInt16LE(0, 40))],
    ['has a time of another length', challengeMessage({ pairs: [{ id: 7, value: Buffer.alloc(7) }] })],
    ['is longer than any', Buffer.concat([publishedChallenge, Buffer.alloc(16 * 1024)])],
  ])('is malformed when it %s', (_, bytes) => {
    expect(() => parseChallenge(bytes)).toThrow(expect.objectContaining({ kind: 'malformed', code: 'NTLM_CHALLENGE' }));
  });

  test.each([
    ['target information', 0xe28a8233 - 0x0080_0000],
    ['Unicode', 0xe28a8233 - 1],
    ['NTLM', 0xe28a8233 - 0x200],
  ])('is refused as NTLM version 1 when it goes without %s', (_, flags) => {
    expect(() => parseChallenge(challengeMessage({ flags }))).toThrow(
      expect.objectContaining({ kind: 'unauthorized', code: 'NTLM_VERSION_1' }),
    );
  });

  test('never makes anything else fail, whatever its bytes', () => {
    const mutated = fc
      .array(fc.tuple(fc.nat(publishedChallenge.length - 1), fc.nat(255)), { maxLength: 8 })
      .chain((changes) =>
        fc.oneof(fc.constant(publishedChallenge.length), fc.nat(publishedChallenge.length)).map((length) => {
          const bytes = Buffer.from(publishedChallenge);
          for (const [at, value] of changes) bytes[at] = value;
          return bytes.subarray(0, Math.max(length, 40));
        }),
      );
    const headed = fc
      .uint8Array({ maxLength: 300 })
      .map((rest) => Buffer.concat([publishedChallenge.subarray(0, 12), rest]));
    const any = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    const identity = ntlmIdentity('user', 'password');
    const client = { flags: 0xe2888235, version: Buffer.alloc(8), workstation: '' };
    const random = { challenge: Buffer.alloc(8), sessionKey: Buffer.alloc(16) };
    let answered = 0;
    fc.assert(
      fc.property(fc.oneof(mutated, headed, any), (bytes) => {
        try {
          answerChallenge({ client, identity, challenge: parseChallenge(bytes), now: 0, random });
          answered++;
        } catch (error) {
          expect(error).toBeInstanceOf(CalendarSourceError);
        }
      }),
      { numRuns: 3_000 },
    );
    expect(answered).toBeGreaterThan(0);
  });
});
