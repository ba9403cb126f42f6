import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { answerChallenge, type NtlmAnswerInput } from '../../../../adapters/ews/ntlm/answer-challenge.ts';
import { type AvPair, encodeAvPairs, parseAvPairs } from '../../../../adapters/ews/ntlm/av-pairs.ts';
import { ntlmIdentity } from '../../../../adapters/ews/ntlm/ntlm-identity.ts';
import { encodeNegotiate, NTLM_FLAGS, parseChallenge } from '../../../../adapters/ews/ntlm/ntlm-messages.ts';
import { rc4 } from '../../../../adapters/ews/ntlm/rc4.ts';
import { challengeMessage, hex, publishedChallenge, UNIX_EPOCH_AS_FILETIME } from './ntlm-vectors.ts';

/** MS-NLMP §4.2.1 and §4.2.4: the common values of the NTLMv2 examples, at the FILETIME 0. */
const published: NtlmAnswerInput = {
  client: { flags: 0xe2888235, version: hex('0501280a0000000f'), workstation: 'COMPUTER' },
  identity: ntlmIdentity('Domain\\User', 'Password'),
  challenge: parseChallenge(publishedChallenge),
  now: Date.UTC(1601, 0, 1),
  random: { challenge: Buffer.alloc(8, 0xaa), sessionKey: Buffer.alloc(16, 0x55) },
};

describe('MS-NLMP §4.2.4', () => {
  test('NTOWFv2 is as published (§4.2.4.1.1)', () => {
    expect(published.identity.responseKey.toString('hex')).toBe('0c868a403bfd7a93a3001ef22ef02e3f');
  });

  test('the whole AUTHENTICATE_MESSAGE is as published (§4.2.4.3)', () => {
    expect(answerChallenge(published).toString('hex')).toBe(
      [
        '4e544c4d5353500003000000180018006c00000054005400840000000c000c004800000008000800540000001000',
        '10005c00000010001000d8000000358288e20501280a0000000f',
        '44006f006d00610069006e005500730065007200', // Domain, User
        '43004f004d0050005500540045005200', // COMPUTER
        '86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa', // LMv2 response (§4.2.4.2.1)
        '68cd0ab851e51c96aabc927bebef6a1c', // NTLMv2 response (§4.2.4.2.2)
        '01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000', // temp (§4.2.4.1.3)
        '02000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000',
        'c5dad2544fc9799094ce1ce90bc9d03e', // encrypted session key (§4.2.4.2.3)
      ].join(''),
    );
  });

  test('the session base key is as published (§4.2.4.1.2): it opens the encrypted session key', () => {
    const encrypted = answerChallenge(published).subarray(-16);
    expect(rc4(hex('8de40ccadbc14a82f15cb0ad0de95ca3'), encrypted)).toEqual(Buffer.alloc(16, 0x55));
  });
});

describe('a server that tells its time', () => {
  const time: AvPair = { id: 7, value: hex('00112233445566d7') };
  const bytes = challengeMessage({ pairs: [{ id: 2, value: Buffer.from('D\0') }, time] });
  const input = { ...published, challenge: parseChallenge(bytes) };

  test('gets its own time back, no LM response, and a MIC over all three messages', () => {
    const message = answerChallenge(input);
    const parts = readAuthenticate(message);
    expect(parts.lm).toEqual(Buffer.alloc(24));
    expect(parts.nt.subarray(24, 32)).toEqual(time.value);
    expect(pair(parts.pairs, 6)).toBe('02000000');

    const mic = Buffer.from(message.subarray(72, 88));
    message.fill(0, 72, 88);
    const expected = createHmac('md5', Buffer.alloc(16, 0x55))
      .update(encodeNegotiate(input.client.flags, input.client.version))
      .update(bytes)
      .update(message);
    expect(mic).toEqual(expected.digest());
  });

  test('gets a MIC under the session base key where no key is exchanged', () => {
    const client = { ...input.client, flags: input.client.flags & ~NTLM_FLAGS.keyExchange };
    const message = answerChallenge({ ...input, client });
    const parts = readAuthenticate(message);
    expect(parts.key).toHaveLength(0);

    const mic = Buffer.from(message.subarray(72, 88));
    message.fill(0, 72, 88);
    const base = createHmac('md5', input.identity.responseKey).update(parts.nt.subarray(0, 16)).digest();
    const expected = createHmac('md5', base).update(encodeNegotiate(client.flags, client.version));
    expect(mic).toEqual(expected.update(bytes).update(message).digest());
  });
});

test('a server that does not tell its time gets ours as a FILETIME, and no MIC', () => {
  const parts = readAuthenticate(answerChallenge({ ...published, now: 0 }));
  expect(parts.nt.subarray(24, 32)).toEqual(UNIX_EPOCH_AS_FILETIME);
  expect(parts.pairs.map(({ id }) => id)).toEqual([2, 1]);
});

test('the channel binding and the target name stand under the response, once, whatever the server sent', () => {
  const pairs = [
    { id: 10, value: Buffer.alloc(16, 1) },
    { id: 6, value: hex('01000000') },
    { id: 9, value: Buffer.from('x\0') },
  ];
  const challenge = parseChallenge(challengeMessage({ pairs }));
  const channelBinding = Buffer.alloc(16, 0xcb);
  const { pairs: sent } = readAuthenticate(
    answerChallenge({ ...published, challenge, channelBinding, targetName: 'HTTP/mail.example.com' }),
  );
  expect(sent.map(({ id }) => id)).toEqual([6, 10, 9]);
  expect(pair(sent, 6)).toBe('01000000');
  expect(pair(sent, 10)).toBe(channelBinding.toString('hex'));
  expect(pair(sent, 9)).toBe(Buffer.from('HTTP/mail.example.com', 'utf16le').toString('hex'));
});

test('flags that were not offered are not taken up', () => {
  const challenge = parseChallenge(challengeMessage({ flags: 0xffff_ffff }));
  const message = answerChallenge({ ...published, challenge });
  expect(message.readUInt32LE(60)).toBe(0xe2888235);
});

function readAuthenticate(message: Buffer) {
  const field = (at: number) => {
    const offset = message.readUInt32LE(at + 4);
    return message.subarray(offset, offset + message.readUInt16LE(at));
  };
  const nt = field(20);
  return { lm: field(12), nt, key: field(52), pairs: parseAvPairs(nt.subarray(44)) ?? [] };
}

function pair(pairs: readonly AvPair[], id: number): string | undefined {
  return pairs.find((each) => each.id === id)?.value.toString('hex');
}

test('AV pairs are read as they were written', () => {
  const pairs = [
    { id: 1, value: Buffer.alloc(0) },
    { id: 2, value: Buffer.from('abc') },
  ];
  expect(parseAvPairs(encodeAvPairs(pairs))).toEqual(pairs);
});
