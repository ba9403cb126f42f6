import { type AvPair, encodeAvPairs } from '../../../../adapters/ews/ntlm/av-pairs.ts';

export function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

/** The CHALLENGE_MESSAGE of MS-NLMP §4.2.4.3. */
export const publishedChallenge = hex(
  '4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef00000000000000002400240044000000' +
    '060070170000000f53006500720076006500720002000c0044006f006d00610069006e0001000c00530065007200760065007200' +
    '00000000',
);

/** 1970-01-01T00:00:00Z in units of 100 ns since 1601. */
export const UNIX_EPOCH_AS_FILETIME = hex('00803ed5deb19d01');

/** A CHALLENGE_MESSAGE with the flags of the published one, unless others are given. */
export function challengeMessage({
  pairs = [],
  flags = 0xe28a8233,
}: {
  pairs?: readonly AvPair[];
  flags?: number;
}): Buffer {
  const info = encodeAvPairs(pairs);
  const head = Buffer.from(publishedChallenge.subarray(0, 56));
  head.writeUInt16LE(0, 12);
  head.writeUInt32LE(flags, 20);
  head.writeUInt16LE(info.length, 40);
  head.writeUInt16LE(info.length, 42);
  head.writeUInt32LE(56, 44);
  return Buffer.concat([head, info]);
}
