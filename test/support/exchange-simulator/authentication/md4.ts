// MD4, which OpenSSL 3 no longer offers and NTLM hashes passwords with.
// docs: RFC 1320 §3

/** The word that each step of the three rounds takes. */
const words = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
  [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15],
] as const;
const shifts = [
  [3, 7, 11, 19],
  [3, 5, 9, 13],
  [3, 9, 11, 15],
] as const;
const constants = [0, 0x5a827999, 0x6ed9eba1] as const;
const mixers = [
  (x: number, y: number, z: number): number => (x & y) | (~x & z),
  (x: number, y: number, z: number): number => (x & y) | (x & z) | (y & z),
  (x: number, y: number, z: number): number => x ^ y ^ z,
] as const;

/** The digest, 16 bytes. */
export function md4(message: Buffer): Buffer {
  const state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476] as [number, number, number, number];
  const padded = pad(message);
  for (let at = 0; at < padded.length; at += 64) digestBlock(state, padded, at);
  const digest = Buffer.alloc(16);
  for (const [index, word] of state.entries()) digest.writeUInt32LE(word >>> 0, index * 4);
  return digest;
}

function pad(message: Buffer): Buffer {
  const padded = Buffer.alloc(Math.ceil((message.length + 9) / 64) * 64);
  message.copy(padded);
  padded[message.length] = 0x80;
  padded.writeBigUInt64LE(BigInt(message.length) * 8n, padded.length - 8);
  return padded;
}

function digestBlock(state: [number, number, number, number], data: Buffer, at: number): void {
  let [a, b, c, d] = state;
  for (const [round, order] of words.entries()) {
    const mix = mixers[round] as (typeof mixers)[0];
    for (const [step, word] of order.entries()) {
      const sum = (a + mix(b, c, d) + data.readUInt32LE(at + word * 4) + (constants[round] as number)) | 0;
      const shift = shifts[round]?.[step % 4] as number;
      [a, b, c, d] = [d, (sum << shift) | (sum >>> (32 - shift)), b, c];
    }
  }
  for (const [index, word] of [a, b, c, d].entries()) state[index] = ((state[index] as number) + word) | 0;
}
