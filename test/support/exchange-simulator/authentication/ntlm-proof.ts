// Whether an AUTHENTICATE_MESSAGE proves that its sender knows the password: NTLMv2 and nothing older.
// docs: [MS-NLMP] §3.3.2 (NTLM v2 authentication), §3.2.5.1.2 (server receives an AUTHENTICATE_MESSAGE), §3.4.5.1 (KXKEY);
//       network security: LAN Manager authentication level 5 ("Refuse LM & NTLM"),
//       https://learn.microsoft.com/windows/security/threat-protection/security-policy-settings/network-security-lan-manager-authentication-level

import { createHmac, timingSafeEqual } from 'node:crypto';
import { md4 } from './md4.ts';
import {
  type Authenticate,
  av,
  flags,
  fromFiletime,
  HAS_MIC,
  MIC_AT,
  MIC_LENGTH,
  readAvPairs,
} from './ntlm-message.ts';

/** How old a response may be, as on all Windows since XP (MaxLifetime). */
const LONGEST_LIFE = 36 * 60 * 60 * 1000;
/** The NTProofStr, and what of the NTLMv2_CLIENT_CHALLENGE stands before its AV_PAIRs. */
const PROOF_LENGTH = 16;
const FIXED_LENGTH = 28;

export type Exchanged = {
  readonly negotiate: Buffer;
  readonly challenge: Buffer;
  readonly authenticate: Buffer;
  /** The eight bytes of the challenge. */
  readonly serverChallenge: Buffer;
};

/** An NTLMv2 response taken apart; undefined: it is an LM, NTLMv1 or anonymous one, or cut. */
export function readNtlm2Response(
  ntResponse: Buffer,
): { avPairs: ReadonlyMap<number, Buffer>; at: number } | undefined {
  const blob = ntResponse.subarray(PROOF_LENGTH);
  if (blob.length < FIXED_LENGTH + 4 || blob[0] !== 1 || blob[1] !== 1) return undefined;
  try {
    return { avPairs: readAvPairs(blob.subarray(FIXED_LENGTH)), at: fromFiletime(blob.readBigUInt64LE(8)) };
  } catch {
    return undefined;
  }
}

/** Whether the response is made with this password, for this challenge, and is not too old (`now`: epoch ms). */
export function provesPassword(
  { user, domain, ntResponse }: Authenticate,
  { serverChallenge }: Exchanged,
  password: string,
  now: number,
): boolean {
  const response = readNtlm2Response(ntResponse);
  if (response === undefined || Math.abs(response.at - now) > LONGEST_LIFE) return false;
  return sameBytes(proof(user, domain, password, serverChallenge, ntResponse), ntResponse.subarray(0, PROOF_LENGTH));
}

/** Whether the three messages arrived as they were sent: true too when the client announced no MIC. */
export function hasRightMic(message: Authenticate, exchanged: Exchanged, password: string): boolean {
  const announced = readNtlm2Response(message.ntResponse)?.avPairs.get(av.flags);
  if (announced === undefined || announced.length < 4 || (announced.readUInt32LE() & HAS_MIC) === 0) return true;
  const { negotiate, challenge, authenticate } = exchanged;
  if (authenticate.length < MIC_AT + MIC_LENGTH) return false;
  const withoutMic = Buffer.from(authenticate);
  withoutMic.fill(0, MIC_AT, MIC_AT + MIC_LENGTH);
  const mic = hmacMd5(sessionKey(message, password), Buffer.concat([negotiate, challenge, withoutMic]));
  return sameBytes(mic, authenticate.subarray(MIC_AT, MIC_AT + MIC_LENGTH));
}

function sessionKey(message: Authenticate, password: string): Buffer {
  const { user, domain, ntResponse, encryptedSessionKey } = message;
  const base = hmacMd5(ntowf2(user, domain, password), ntResponse.subarray(0, PROOF_LENGTH));
  return (message.flags & flags.keyExchange) === 0 ? base : rc4(base, encryptedSessionKey);
}

function proof(user: string, domain: string, password: string, serverChallenge: Buffer, ntResponse: Buffer): Buffer {
  return hmacMd5(ntowf2(user, domain, password), Buffer.concat([serverChallenge, ntResponse.subarray(PROOF_LENGTH)]));
}

function ntowf2(user: string, domain: string, password: string): Buffer {
  const key = md4(Buffer.from(password, 'utf16le'));
  return hmacMd5(key, Buffer.from(user.toUpperCase() + domain, 'utf16le'));
}

function hmacMd5(key: Buffer, data: Buffer): Buffer {
  return createHmac('md5', key).update(data).digest();
}

function sameBytes(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

/** OpenSSL 3 doesn't offer RC4 either. */
function rc4(key: Buffer, data: Buffer): Buffer {
  const box = Array.from({ length: 256 }, (_, index) => index);
  const swap = (i: number, j: number): void => {
    [box[i], box[j]] = [box[j] as number, box[i] as number];
  };
  for (let i = 0, j = 0; i < 256; i++) {
    j = (j + (box[i] as number) + (key[i % key.length] as number)) & 255;
    swap(i, j);
  }
  let [i, j] = [0, 0];
  return Buffer.from(
    data.map((byte) => {
      i = (i + 1) & 255;
      j = (j + (box[i] as number)) & 255;
      swap(i, j);
      return byte ^ (box[((box[i] as number) + (box[j] as number)) & 255] as number);
    }),
  );
}
