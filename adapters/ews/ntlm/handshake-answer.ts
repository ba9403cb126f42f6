import type { Dispatcher } from 'undici';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { SECOND } from '../../../component/runtime/clock.ts';

/** The HTTP authentication scheme that carries NTLM: its own, or the one that SSPI takes it under as well. */
export type NtlmScheme = 'NTLM' | 'Negotiate';

/** For the rest of an answer that nobody reads, in milliseconds. */
const DRAIN_LIMIT = 15 * SECOND;
/** Such an answer is an error page, in bytes. */
const LONGEST_REFUSAL = 1024 * 1024;

/** Calls `run` when an answer was read to its end, or given up. */
export function afterBody({ body }: Dispatcher.ResponseData, run: () => void): void {
  if (body.closed) run();
  else body.once('close', run);
}

/**
 * Reads an answer to its end, so that the socket is free for the next step. It has limits of its own: those of the
 * request may be the ones of a stream, which has none.
 *
 * @throws CalendarSourceError `malformed` when it is too long, `unreachable` when it takes too long
 */
export async function drain({ body }: Dispatcher.ResponseData): Promise<void> {
  const tooSlow = new CalendarSourceError('unreachable', 'An answer of the NTLM handshake does not end', {
    code: 'TIMEOUT',
  });
  const timer = setTimeout(() => body.destroy(tooSlow), DRAIN_LIMIT);
  let length = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > LONGEST_REFUSAL) {
        throw new CalendarSourceError('malformed', 'An answer of the NTLM handshake is longer than is sane');
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The challenges, without what stands in quotes, which may look like one (RFC 9110 §11.6.1). A quote without an end goes
 * to the end: looked for from each of its characters, 16 KiB of a hostile header took 0.1 s.
 */
function challengesOf({ headers }: Dispatcher.ResponseData): string {
  const values = [headers['www-authenticate'] ?? []].flat().join(', ');
  return values.replace(/"(?:[^"\\]|\\.?)*(?:"|$)/gs, '""');
}

/** Whether a 401 offers a scheme. */
export function offers(response: Dispatcher.ResponseData, scheme: NtlmScheme): boolean {
  return new RegExp(`(?:^|,)\\s*${scheme}(?:\\s|,|$)`, 'i').test(challengesOf(response));
}

/** The message that a 401 carries under a scheme. */
export function tokenOf(response: Dispatcher.ResponseData, scheme: NtlmScheme): Buffer | undefined {
  const token = new RegExp(`(?:^|,)\\s*${scheme}\\s+([A-Za-z0-9+/]+=*)`, 'i').exec(challengesOf(response))?.[1];
  return token === undefined ? undefined : Buffer.from(token, 'base64');
}
