import { createHmac } from 'node:crypto';
import type { Instant } from '../../../component/runtime/clock.ts';
import { AV_CHANNEL_BINDINGS, AV_FLAGS, AV_TARGET_NAME, type AvPair, encodeAvPairs } from './av-pairs.ts';
import { type NtlmIdentity, utf16 } from './ntlm-identity.ts';
import { encodeAuthenticate, encodeNegotiate, NTLM_FLAGS, type NtlmChallenge, setMic } from './ntlm-messages.ts';
import { rc4 } from './rc4.ts';

/** What we say of ourselves in each message. */
export type NtlmClient = {
  /** The flags that are offered (MS-NLMP §2.2.2.5). */
  readonly flags: number;
  /** Eight bytes (MS-NLMP §2.2.2.10). */
  readonly version: Buffer;
  /** This machine's name: administrators find it in the server's security log. */
  readonly workstation: string;
};

export type NtlmAnswerInput = {
  readonly client: NtlmClient;
  readonly identity: NtlmIdentity;
  readonly challenge: NtlmChallenge;
  /** What the server is asked for, `HTTP/mail.example.com`. */
  readonly targetName?: string | undefined;
  /** The TLS connection's channel binding (`channelBinding`), 16 bytes. */
  readonly channelBinding?: Buffer | undefined;
  /** For servers that don't tell their own time. */
  readonly now: Instant;
  /** Random bytes: 8 of them, and 16. */
  readonly random: { readonly challenge: Buffer; readonly sessionKey: Buffer };
};

/** MsvAvFlags: the message has a MIC. */
const MIC_PRESENT = 2;
/** From 1601, where a FILETIME begins, to 1970, in milliseconds. */
const FILETIME_EPOCH = 11_644_473_600_000n;

/**
 * The AUTHENTICATE_MESSAGE that answers a challenge with NTLMv2 (MS-NLMP §3.1.5.1.2 and §3.3.2), and nothing weaker.
 * It has a MIC when the server tells its time; the channel binding and the target name stand under the response's own
 * signature.
 */
export function answerChallenge(input: NtlmAnswerInput): Buffer {
  const { client, identity, challenge, random } = input;
  const withMic = challenge.timestamp !== undefined;
  const time = challenge.timestamp ?? filetime(input.now);

  const temp = Buffer.concat([
    Buffer.of(1, 1, 0, 0, 0, 0, 0, 0),
    time,
    random.challenge,
    Buffer.alloc(4),
    encodeAvPairs(targetInfo(input, withMic)),
    Buffer.alloc(4),
  ]);
  const proof = hmacMd5(identity.responseKey, challenge.serverChallenge, temp);
  const keys = sessionKeys(client.flags & challenge.flags, hmacMd5(identity.responseKey, proof), random.sessionKey);
  const lmProof = hmacMd5(identity.responseKey, challenge.serverChallenge, random.challenge);

  const message = encodeAuthenticate({
    domain: identity.domain,
    user: identity.user,
    workstation: utf16(client.workstation),
    lmResponse: withMic ? Buffer.alloc(24) : Buffer.concat([lmProof, random.challenge]),
    ntResponse: Buffer.concat([proof, temp]),
    encryptedSessionKey: keys.encrypted,
    flags: (client.flags & challenge.flags) | NTLM_FLAGS.targetInfo | NTLM_FLAGS.requestTarget,
    version: client.version,
    withMic,
  });
  if (withMic) {
    setMic(message, hmacMd5(keys.exported, encodeNegotiate(client.flags, client.version), challenge.bytes, message));
  }
  return message;
}

/** The server's own pairs, and ours after them: whether there is a MIC, the channel, the target (§3.1.5.1.2). */
function targetInfo({ challenge, channelBinding, targetName }: NtlmAnswerInput, withMic: boolean): readonly AvPair[] {
  const ours = new Set([AV_FLAGS, AV_CHANNEL_BINDINGS, AV_TARGET_NAME]);
  const pairs = challenge.targetInfo.filter(({ id }) => !ours.has(id));
  const flags = challenge.targetInfo.find(({ id, value }) => id === AV_FLAGS && value.length === 4)?.value;
  if (withMic || flags !== undefined) {
    const value = Buffer.alloc(4);
    value.writeUInt32LE(((flags?.readUInt32LE() ?? 0) | (withMic ? MIC_PRESENT : 0)) >>> 0);
    pairs.push({ id: AV_FLAGS, value });
  }
  if (channelBinding !== undefined) pairs.push({ id: AV_CHANNEL_BINDINGS, value: channelBinding });
  if (targetName !== undefined) pairs.push({ id: AV_TARGET_NAME, value: utf16(targetName) });
  return pairs;
}

/** With NTLMv2 the key exchange key is the session base key (§3.4.5.1); it may carry a random one (§3.1.5.1.2). */
function sessionKeys(flags: number, base: Buffer, random: Buffer): { exported: Buffer; encrypted: Buffer } {
  const exchanged = (flags & NTLM_FLAGS.keyExchange) !== 0 && (flags & (NTLM_FLAGS.sign | NTLM_FLAGS.seal)) !== 0;
  return exchanged
    ? { exported: random, encrypted: rc4(base, random) }
    : { exported: base, encrypted: Buffer.alloc(0) };
}

function filetime(now: Instant): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE((BigInt(Math.trunc(now)) + FILETIME_EPOCH) * 10_000n);
  return bytes;
}

function hmacMd5(key: Buffer, ...parts: readonly Buffer[]): Buffer {
  const hmac = createHmac('md5', key);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}
