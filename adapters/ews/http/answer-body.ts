import { pipeline, type Readable } from 'node:stream';
import { createGunzip, createInflate, createInflateRaw, type Gunzip, type Inflate, type InflateRaw } from 'node:zlib';

type Bytes = AsyncIterable<Uint8Array>;

/** How much is decompressed at a time. */
const PIECE = { chunkSize: 64 * 1024 };

/**
 * The bytes of an answer's body, decompressed (RFC 9110 §8.4.1: gzip, deflate).
 *
 * The limit counts both what comes and what becomes of it: neither a bomb nor an endless stream of nothing takes more
 * memory than some pieces.
 *
 * @param most the greatest body, in bytes
 * @throws Error with the code `ANSWER_TOO_LARGE`, or `ANSWER_CODING` when it is compressed in another way; what the body
 *   or zlib throws
 */
export function readBody(body: Readable, coding: string | undefined, most: number): Bytes {
  const received = limited(body, most);
  switch (coding?.trim().toLowerCase() ?? '') {
    case '':
    case 'identity':
      return received;
    case 'gzip':
    case 'x-gzip':
      return limited(
        decompressed(received, () => createGunzip(PIECE)),
        most,
      );
    case 'deflate':
      return limited(decompressed(received, inflate), most);
    default:
      // Nobody will read it, but its end must be heard.
      body.on('error', () => {}).destroy();
      // The bytes would only look like a damaged message.
      throw failure('ANSWER_CODING', `The answer has the unknown coding ${coding?.slice(0, 40)}`);
  }
}

async function* limited(bytes: Bytes, most: number): AsyncGenerator<Uint8Array, void, void> {
  let total = 0;
  for await (const chunk of bytes) {
    total += chunk.length;
    if (total > most) throw failure('ANSWER_TOO_LARGE', `The answer has more than ${most} bytes`);
    yield chunk;
  }
}

/** Decompresses with what `choose` makes for the first byte. A body without any is none, whatever its head says. */
async function* decompressed(
  bytes: AsyncGenerator<Uint8Array, void, void>,
  choose: (first: number) => Gunzip | Inflate | InflateRaw,
): AsyncGenerator<Uint8Array, void, void> {
  const first = await bytes.next();
  if (first.done === true) return;
  const all = (async function* () {
    yield first.value;
    yield* bytes;
  })();
  // An error on either side is met by whoever reads.
  yield* pipeline(all, choose(first.value[0] ?? 0), () => {});
}

/** `deflate` means the zlib format (RFC 1950 §2.2: the method is 8); IIS and others send bare DEFLATE. */
function inflate(first: number): Inflate | InflateRaw {
  return (first & 0x0f) === 8 ? createInflate(PIECE) : createInflateRaw(PIECE);
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
