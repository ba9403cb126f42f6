import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { AV_TIMESTAMP, type AvPair, parseAvPairs } from './av-pairs.ts';

/** The flags of MS-NLMP §2.2.2.5 that are looked at or offered. */
export const NTLM_FLAGS = {
  unicode: 0x0000_0001,
  requestTarget: 0x0000_0004,
  sign: 0x0000_0010,
  seal: 0x0000_0020,
  ntlm: 0x0000_0200,
  alwaysSign: 0x0000_8000,
  extendedSessionSecurity: 0x0008_0000,
  targetInfo: 0x0080_0000,
  version: 0x0200_0000,
  key128: 0x2000_0000,
  keyExchange: 0x4000_0000,
  key56: 0x8000_0000,
} as const;

const SIGNATURE = Buffer.from('NTLMSSP\0', 'latin1');
/** Real ones have some hundred bytes; it also keeps every length of our answer within its 16 bits. */
const LONGEST_CHALLENGE = 16 * 1024;
/** Where a message's MIC stands, when it has one (MS-NLMP §2.2.1.3). */
const MIC_OFFSET = 72;

/** What a CHALLENGE_MESSAGE says (MS-NLMP §2.2.1.2). */
export type NtlmChallenge = {
  /** The message as it came: the MIC covers it. */
  readonly bytes: Buffer;
  readonly flags: number;
  readonly serverChallenge: Buffer;
  readonly targetInfo: readonly AvPair[];
  /** The server's time as a FILETIME; a server that sends it expects a MIC. */
  readonly timestamp: Buffer | undefined;
};

/** The NEGOTIATE_MESSAGE (MS-NLMP §2.2.1.1), without a domain and a workstation: the server has no use for them yet. */
export function encodeNegotiate(flags: number, version: Buffer): Buffer {
  const message = Buffer.alloc(40);
  SIGNATURE.copy(message);
  message.writeUInt32LE(1, 8);
  message.writeUInt32LE(flags >>> 0, 12);
  version.copy(message, 32);
  return message;
}

/**
 * Reads a CHALLENGE_MESSAGE (MS-NLMP §2.2.1.2).
 *
 * @throws CalendarSourceError `malformed` when it is damaged, `unauthorized` when it leaves only NTLM version 1
 */
export function parseChallenge(bytes: Buffer): NtlmChallenge {
  if (bytes.length < 32 || !bytes.subarray(0, 8).equals(SIGNATURE) || bytes.readUInt32LE(8) !== 2) {
    throw damaged('it is no NTLM challenge');
  }
  if (bytes.length > LONGEST_CHALLENGE) throw damaged('it is too long');
  const flags = bytes.readUInt32LE(20);
  const wanted = NTLM_FLAGS.unicode | NTLM_FLAGS.ntlm | NTLM_FLAGS.targetInfo;
  if ((flags & wanted) !== wanted) {
    throw new CalendarSourceError(
      'unauthorized',
      'The server offers NTLM version 1 only, which is not safe and never used here: enable NTLMv2 on the server',
      { code: 'NTLM_VERSION_1' },
    );
  }
  const targetInfo = parseAvPairs(payload(bytes, 40));
  if (targetInfo === undefined) throw damaged('its target information can not be read');
  const timestamp = targetInfo.find(({ id }) => id === AV_TIMESTAMP)?.value;
  if (timestamp !== undefined && timestamp.length !== 8) throw damaged('its time can not be read');
  return { bytes, flags, serverChallenge: bytes.subarray(24, 32), targetInfo, timestamp };
}

/** What an AUTHENTICATE_MESSAGE says (MS-NLMP §2.2.1.3), the texts in UTF-16LE. */
export type NtlmAuthenticate = {
  readonly domain: Buffer;
  readonly user: Buffer;
  readonly workstation: Buffer;
  readonly lmResponse: Buffer;
  readonly ntResponse: Buffer;
  readonly encryptedSessionKey: Buffer;
  readonly flags: number;
  readonly version: Buffer;
  /** Whether there is room for a MIC, which `setMic` fills: the message without it is what the MIC is made of. */
  readonly withMic: boolean;
};

/** The AUTHENTICATE_MESSAGE (MS-NLMP §2.2.1.3). */
export function encodeAuthenticate(content: NtlmAuthenticate): Buffer {
  const head = Buffer.alloc(content.withMic ? MIC_OFFSET + 16 : MIC_OFFSET);
  SIGNATURE.copy(head);
  head.writeUInt32LE(3, 8);
  let end = head.length;
  const place = (field: number, value: Buffer) => {
    head.writeUInt16LE(value.length, field);
    head.writeUInt16LE(value.length, field + 2);
    head.writeUInt32LE(end, field + 4);
    end += value.length;
    return value;
  };
  const parts = [
    place(28, content.domain),
    place(36, content.user),
    place(44, content.workstation),
    place(12, content.lmResponse),
    place(20, content.ntResponse),
    place(52, content.encryptedSessionKey),
  ];
  head.writeUInt32LE(content.flags >>> 0, 60);
  content.version.copy(head, 64);
  return Buffer.concat([head, ...parts]);
}

/** Puts the MIC into an AUTHENTICATE_MESSAGE that has room for one. */
export function setMic(message: Buffer, mic: Buffer): void {
  mic.copy(message, MIC_OFFSET, 0, 16);
}

/** A part of a message, by the length and offset that stand in its head. */
function payload(bytes: Buffer, field: number): Buffer {
  if (bytes.length < field + 8) throw damaged('it is cut short');
  const length = bytes.readUInt16LE(field);
  const offset = bytes.readUInt32LE(field + 4);
  if (offset + length > bytes.length) throw damaged('it points beyond its end');
  return bytes.subarray(offset, offset + length);
}

function damaged(how: string): CalendarSourceError {
  return new CalendarSourceError('malformed', `The server's NTLM challenge is damaged: ${how}`, {
    code: 'NTLM_CHALLENGE',
  });
}
