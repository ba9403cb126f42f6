// An NTLM client by hand, for what the tests of the front end need and curl can't do: a MIC, a channel binding, NTLMv1's
// shape, a message on the wrong connection. It is written after [MS-NLMP] §3.1.5.1.2, apart from the product's.

import { createHmac, randomBytes } from 'node:crypto';
import { md4 } from './md4.ts';

export type LogOn = {
  readonly user: string;
  readonly password: string;
  readonly domain?: string;
  readonly channelBinding?: Buffer;
  /** What becomes of the MIC: there is none (default), a right one, or a wrong one. */
  readonly mic?: 'right' | 'wrong';
  /** The NT response is 24 bytes long, as NTLMv1's. */
  readonly version1?: boolean;
};

const UNICODE_FLAGS = 0xa288_0205;

export function negotiateMessage(flags = UNICODE_FLAGS): Buffer {
  const message = Buffer.alloc(40);
  message.write('NTLMSSP\0', 'latin1');
  message.writeUInt32LE(1, 8);
  message.writeUInt32LE(flags, 12);
  return message;
}

export function authenticateMessage(negotiate: Buffer, challenge: Buffer, logOn: LogOn): Buffer {
  const { user, password, domain = 'EXAMPLE', channelBinding, mic, version1 = false } = logOn;
  const infoAt = challenge.readUInt32LE(44);
  const info = challenge.subarray(infoAt, infoAt + challenge.readUInt16LE(40));
  const timestamp = info.subarray(info.indexOf(Buffer.from([7, 0, 8, 0])) + 4).subarray(0, 8);
  const own = [
    ...(mic === undefined ? [] : [pair(6, Buffer.from([2, 0, 0, 0]))]),
    ...(channelBinding === undefined ? [] : [pair(10, channelBinding)]),
    pair(0, Buffer.alloc(0)),
  ];
  const head = Buffer.concat([Buffer.from([1, 1, 0, 0, 0, 0, 0, 0]), timestamp, randomBytes(8), Buffer.alloc(4)]);
  const blob = Buffer.concat([head, info.subarray(0, -4), ...own, Buffer.alloc(4)]);
  const key = hmac(md4(utf16(password)), utf16(user.toUpperCase() + domain));
  const proof = hmac(key, challenge.subarray(24, 32), blob);
  const ntResponse = version1 ? randomBytes(24) : Buffer.concat([proof, blob]);
  const parts = [Buffer.alloc(24), ntResponse, utf16(domain), utf16(user), utf16('TEST'), Buffer.alloc(0)];
  const message = Buffer.concat([Buffer.alloc(88), ...parts]);
  message.write('NTLMSSP\0', 'latin1');
  message.writeUInt32LE(3, 8);
  let at = 88;
  for (const [index, part] of parts.entries()) {
    message.writeUInt16LE(part.length, 12 + index * 8);
    message.writeUInt16LE(part.length, 14 + index * 8);
    message.writeUInt32LE(at, 16 + index * 8);
    at += part.length;
  }
  message.writeUInt32LE(UNICODE_FLAGS, 60);
  if (mic === 'right') hmac(hmac(key, proof), negotiate, challenge, message).copy(message, 72);
  if (mic === 'wrong') randomBytes(16).copy(message, 72);
  return message;
}

function pair(id: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([id, 0, value.length, 0]), value]);
}

function hmac(key: Buffer, ...data: readonly Buffer[]): Buffer {
  return createHmac('md5', key).update(Buffer.concat(data)).digest();
}

function utf16(text: string): Buffer {
  return Buffer.from(text, 'utf16le');
}
