/** AvId values that matter here (MS-NLMP §2.2.2.1). */
export const AV_FLAGS = 6;
export const AV_TIMESTAMP = 7;
export const AV_TARGET_NAME = 9;
export const AV_CHANNEL_BINDINGS = 10;
const AV_END = 0;

/** One fact about the server, or, in our answer, about us (MS-NLMP §2.2.2.1). */
export type AvPair = { readonly id: number; readonly value: Buffer };

/** Reads AV pairs up to the one that ends them; undefined when they go beyond their end, or have none. */
export function parseAvPairs(bytes: Buffer): readonly AvPair[] | undefined {
  const pairs: AvPair[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const id = bytes.readUInt16LE(at);
    const end = at + 4 + bytes.readUInt16LE(at + 2);
    if (id === AV_END) return pairs;
    if (end > bytes.length) return undefined;
    pairs.push({ id, value: bytes.subarray(at + 4, end) });
    at = end;
  }
  return undefined;
}

/** Writes AV pairs and the one that ends them. A value has 65,535 bytes at most. */
export function encodeAvPairs(pairs: readonly AvPair[]): Buffer {
  return Buffer.concat([...pairs, { id: AV_END, value: Buffer.alloc(0) }].flatMap(encodeAvPair));
}

function encodeAvPair({ id, value }: AvPair): Buffer[] {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(id, 0);
  head.writeUInt16LE(value.length, 2);
  return [head, value];
}
