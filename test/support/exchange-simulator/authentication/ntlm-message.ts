// The three messages of NTLM as bytes: read with suspicion, written as a domain's member server writes them.
// docs: [MS-NLMP] §2.2.1 (messages), §2.2.2.1 (AV_PAIR), §2.2.2.5 (flags), §2.2.2.7 (NTLMv2_CLIENT_CHALLENGE)

const SIGNATURE = Buffer.from('NTLMSSP\0', 'latin1');

/** Bits of NegotiateFlags. */
export const flags = {
  unicode: 0x0000_0001,
  oem: 0x0000_0002,
  requestTarget: 0x0000_0004,
  sign: 0x0000_0010,
  seal: 0x0000_0020,
  ntlm: 0x0000_0200,
  alwaysSign: 0x0000_8000,
  targetTypeDomain: 0x0001_0000,
  extendedSessionSecurity: 0x0008_0000,
  targetInfo: 0x0080_0000,
  version: 0x0200_0000,
  key128: 0x2000_0000,
  keyExchange: 0x4000_0000,
  key56: 0x8000_0000,
} as const;

/** AvIds. */
export const av = {
  end: 0,
  computer: 1,
  domain: 2,
  dnsComputer: 3,
  dnsDomain: 4,
  dnsTree: 5,
  flags: 6,
  timestamp: 7,
  channelBindings: 10,
} as const;

/** MsvAvFlags: the message has a MIC. */
export const HAS_MIC = 0x2;
/** Where the MIC stands in an AUTHENTICATE_MESSAGE with a Version. */
export const MIC_AT = 72;
export const MIC_LENGTH = 16;

/** The type of a message (1, 2, 3); undefined: it is no NTLM message. */
export function messageType(message: Buffer): number | undefined {
  if (message.length < 12 || !message.subarray(0, 8).equals(SIGNATURE)) return undefined;
  return message.readUInt32LE(8);
}

/** @throws RangeError when the message is cut */
export function readNegotiateFlags(message: Buffer): number {
  return message.readUInt32LE(12);
}

export type Authenticate = {
  readonly lmResponse: Buffer;
  readonly ntResponse: Buffer;
  readonly domain: string;
  readonly user: string;
  readonly encryptedSessionKey: Buffer;
  readonly flags: number;
};

/** @throws RangeError when a part lies outside of the message */
export function readAuthenticate(message: Buffer): Authenticate {
  const field = (at: number): Buffer => {
    const [length, offset] = [message.readUInt16LE(at), message.readUInt32LE(at + 4)];
    if (length > 0 && offset + length > message.length) throw new RangeError('A part lies outside of the message');
    return message.subarray(offset, offset + length);
  };
  const negotiated = message.readUInt32LE(60);
  const charset = charsetFor(negotiated);
  const text = (at: number): string => field(at).toString(charset);
  return {
    lmResponse: field(12),
    ntResponse: field(20),
    domain: text(28),
    user: text(36),
    encryptedSessionKey: field(52),
    flags: negotiated,
  };
}

/** OEM is some code page of one byte a character: here the one of Western Europe. */
function charsetFor(negotiated: number): 'utf16le' | 'latin1' {
  return (negotiated & flags.unicode) === 0 ? 'latin1' : 'utf16le';
}

/**
 * The AV_PAIRs of an NTLMv2 response.
 *
 * @throws RangeError when they aren't ended, or one is longer than what is left
 */
export function readAvPairs(pairs: Buffer): ReadonlyMap<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; ; ) {
    const [id, length] = [pairs.readUInt16LE(at), pairs.readUInt16LE(at + 2)];
    if (id === av.end) return found;
    if (at + 4 + length > pairs.length) throw new RangeError('An AV_PAIR is cut');
    found.set(id, pairs.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
}

function avPair(id: number, value: Buffer): Buffer {
  const pair = Buffer.alloc(4 + value.length);
  pair.writeUInt16LE(id, 0);
  pair.writeUInt16LE(value.length, 2);
  value.copy(pair, 4);
  return pair;
}

export type ChallengeParts = {
  readonly challenge: Buffer;
  readonly flags: number;
  /** The NetBIOS name of the domain. */
  readonly domain: string;
  readonly computer: string;
  readonly dnsDomain: string;
  /** FILETIME. */
  readonly timestamp: bigint;
};

export function writeChallenge(parts: ChallengeParts): Buffer {
  const unicode = (text: string): Buffer => Buffer.from(text, 'utf16le');
  const timestamp = Buffer.alloc(8);
  timestamp.writeBigUInt64LE(parts.timestamp);
  const info = Buffer.concat([
    avPair(av.domain, unicode(parts.domain)),
    avPair(av.computer, unicode(parts.computer)),
    avPair(av.dnsDomain, unicode(parts.dnsDomain)),
    avPair(av.dnsComputer, unicode(`${parts.computer.toLowerCase()}.${parts.dnsDomain}`)),
    avPair(av.dnsTree, unicode(parts.dnsDomain)),
    avPair(av.timestamp, timestamp),
    avPair(av.end, Buffer.alloc(0)),
  ]);
  const target = Buffer.from(parts.domain, charsetFor(parts.flags));
  const head = Buffer.alloc(56);
  SIGNATURE.copy(head);
  head.writeUInt32LE(2, 8);
  writeField(head, 12, target.length, 56);
  head.writeUInt32LE(parts.flags, 20);
  parts.challenge.copy(head, 24);
  writeField(head, 40, info.length, 56 + target.length);
  // Windows Server 2022, NTLMSSP revision 15.
  Buffer.from([10, 0, 0x7c, 0x4f, 0, 0, 0, 15]).copy(head, 48);
  return Buffer.concat([head, target, info]);
}

function writeField(message: Buffer, at: number, length: number, offset: number): void {
  message.writeUInt16LE(length, at);
  message.writeUInt16LE(length, at + 2);
  message.writeUInt32LE(offset, at + 4);
}

/** Epoch milliseconds as 100 ns since 1601. */
export function toFiletime(instant: number): bigint {
  return (BigInt(Math.round(instant)) + 11_644_473_600_000n) * 10_000n;
}

/** The epoch milliseconds of a FILETIME. */
export function fromFiletime(filetime: bigint): number {
  return Number(filetime / 10_000n) - 11_644_473_600_000;
}
