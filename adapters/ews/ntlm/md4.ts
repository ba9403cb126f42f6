const ROUND_2 = 0x5a827999;
const ROUND_3 = 0x6ed9eba1;

/** Which word of the block each step takes, and how far it rotates (RFC 1320 §3.4). */
const WORDS_2 = [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15];
const WORDS_3 = [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15];
const SHIFTS_1 = [3, 7, 11, 19];
const SHIFTS_2 = [3, 5, 9, 13];
const SHIFTS_3 = [3, 9, 11, 15];

/**
 * MD4 (RFC 1320), 16 bytes. It is broken as a hash, and NTLM is built on it (MS-NLMP §3.3.2); OpenSSL 3, and so Node,
 * has it no more.
 */
export function md4(data: Uint8Array): Buffer {
  const message = pad(data);
  let [a, b, c, d] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
  for (let block = 0; block < message.length; block += 64) {
    const before = [a, b, c, d] as const;
    const step = (mixed: number, word: number, shift: number) => {
      const sum = (a + mixed + message.readUInt32LE(block + 4 * word)) | 0;
      [a, b, c, d] = [d, (sum << shift) | (sum >>> (32 - shift)), b, c];
    };
    for (let i = 0; i < 16; i++) step((b & c) | (~b & d), i, SHIFTS_1[i % 4] as number);
    for (let i = 0; i < 16; i++) {
      step(((b & c) | (b & d) | (c & d)) + ROUND_2, WORDS_2[i] as number, SHIFTS_2[i % 4] as number);
    }
    for (let i = 0; i < 16; i++) step((b ^ c ^ d) + ROUND_3, WORDS_3[i] as number, SHIFTS_3[i % 4] as number);
    a = (a + before[0]) | 0;
    b = (b + before[1]) | 0;
    c = (c + before[2]) | 0;
    d = (d + before[3]) | 0;
  }
  const digest = Buffer.alloc(16);
  for (const [index, word] of [a, b, c, d].entries()) digest.writeInt32LE(word | 0, 4 * index);
  return digest;
}

/** A one bit, zeros up to 56 bytes of the last block, the length in bits (RFC 1320 §3.1, §3.2). */
function pad(data: Uint8Array): Buffer {
  const message = Buffer.alloc(Math.ceil((data.length + 9) / 64) * 64);
  message.set(data);
  message[data.length] = 0x80;
  message.writeBigUInt64LE(BigInt(data.length) * 8n, message.length - 8);
  return message;
}
