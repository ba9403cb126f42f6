import type { Random } from '../random.ts';
import { bulk, inboundStanza, oddity } from './inbound-text.ts';
import { mutateBytes, mutateContent, mutateMarkup } from './mutate.ts';

/** Something that a server says in the midst of a stream. One in twenty or so ends it. */
export function fuzzCase(random: Random): Buffer {
  if (random.chance(0.0005)) return Buffer.from(bulk(random));
  if (random.chance(0.01)) return Buffer.from(oddity(random));
  const stanza = inboundStanza(random);
  const text = random.chance(0.6) ? mutateContent(random, stanza) : stanza;
  // What follows is mostly no XML any more.
  const marked = random.chance(0.03) ? mutateMarkup(random, text) : text;
  const bytes = Buffer.from(marked);
  return bytes.length > 0 && random.chance(0.03) ? mutateBytes(random, bytes) : bytes;
}

/** A stream header, or the handshake's answer, in disguise. */
export function fuzzGreeting(random: Random, greeting: string): Buffer {
  const mutated = random.chance(0.5) ? mutateMarkup(random, greeting) : greeting;
  const before = random.chance(0.2) ? oddity(random) + inboundStanza(random) : '';
  const after = random.chance(0.3) ? inboundStanza(random) : '';
  const bytes = Buffer.from(before + mutated + after);
  return bytes.length > 0 && random.chance(0.5) ? mutateBytes(random, bytes) : bytes;
}
