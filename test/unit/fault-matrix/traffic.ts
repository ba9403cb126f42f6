// Which requests of this process are under way, as undici tells it: so that a fake clock moves only when all that can
// arrive has arrived.

import { subscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

type UndiciRequest = { readonly origin?: unknown; readonly body?: unknown };

/** Which requests never get an answer, by where they go and what they ask. */
export type Hanging = (origin: string, body: string) => boolean;

/** Requests, and whatever else is waited for. */
const underWay = new Set<object>();
let ended = 0;

subscribe('undici:request:create', (message) => {
  const request = requestOf(message);
  // A stream of events goes on; everything else comes to an end.
  if (!isStream(request)) underWay.add(request);
});
for (const end of ['trailers', 'error']) {
  subscribe(`undici:request:${end}`, (message) => {
    if (underWay.delete(requestOf(message))) ended++;
  });
}

function requestOf(message: unknown): UndiciRequest {
  return (message as { readonly request: UndiciRequest }).request;
}

function isStream(request: UndiciRequest): boolean {
  return bodyOf(request).includes('GetStreamingEvents');
}

function bodyOf({ body }: UndiciRequest): string {
  return body instanceof Uint8Array ? Buffer.from(body).toString() : String(body);
}

/** Whether something may come to its end: whoever waits for what hangs does not. */
function isMoving(hanging: Hanging | undefined): boolean {
  if (hanging === undefined) return underWay.size > 0;
  return [...underWay].some(
    (one: UndiciRequest) => one.origin !== undefined && !hanging(String(one.origin), bodyOf(one)),
  );
}

/** Something is under way until its promise settles. What is decompressed is so after the last byte has come. */
export async function track<Result>(promise: Promise<Result>): Promise<Result> {
  underWay.add(promise);
  try {
    return await promise;
  } finally {
    underWay.delete(promise);
    ended++;
  }
}

/** What is under way now gets no answer any more. */
export function abandon(): void {
  underWay.clear();
}

/** In turns of the event loop: from one end of a connection on this machine to the other, and back, and some more. */
const TRIP = 6;
/** In milliseconds; nothing takes so long, on the busiest machine. */
const LONGEST = 20_000;

/**
 * Resolves when nothing moves any more.
 *
 * @param hanging which requests never get an answer at present; nobody waits for them
 */
export async function settle(hanging: Hanging | undefined): Promise<void> {
  const began = performance.now();
  let before = ended;
  for (let quiet = 0; quiet < TRIP; quiet++) {
    await turn();
    const moves = isMoving(hanging);
    if (moves || ended !== before) quiet = -1;
    before = ended;
    const took = performance.now() - began;
    if (took > LONGEST) throw new Error('A request neither hangs nor ends');
    if (moves && took > 20) await sleep(1);
  }
}
