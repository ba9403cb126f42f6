// Which requests of this process are under way, as undici tells it: so that a fake clock moves only when all that can
// arrive has arrived.

import { subscribe } from 'node:diagnostics_channel';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

type UndiciRequest = { readonly body?: unknown };

const underWay = new Set<UndiciRequest>();
let ended = 0;

subscribe('undici:request:create', (message) => void underWay.add(requestOf(message)));
for (const end of ['trailers', 'error']) {
  subscribe(`undici:request:${end}`, (message) => {
    if (underWay.delete(requestOf(message))) ended++;
  });
}

function requestOf(message: unknown): UndiciRequest {
  return (message as { readonly request: UndiciRequest }).request;
}

/** Streams of events go on; everything else comes to an end. */
function isStream({ body }: UndiciRequest): boolean {
  return (body instanceof Uint8Array ? Buffer.from(body).toString() : String(body)).includes('GetStreamingEvents');
}

/** In turns of the event loop: from one end of a connection on this machine to the other, and back, and some more. */
const TRIP = 6;
/** In milliseconds; nothing takes so long, on the busiest machine. */
const LONGEST = 20_000;

/** How many requests have ended. */
export function endedRequests(): number {
  return ended;
}

/**
 * Resolves when nothing moves any more.
 *
 * @param isHanging whether requests never get an answer at present
 */
export async function settle(isHanging: boolean): Promise<void> {
  const began = performance.now();
  let quiet = 0;
  for (let before = ended; quiet < TRIP; quiet++) {
    await turn();
    const isMoving = !isHanging && [...underWay].some((request) => !isStream(request));
    if (isMoving || ended !== before) quiet = -1;
    before = ended;
    if (performance.now() - began > LONGEST) throw new Error('A request neither hangs nor ends');
    if (isMoving && performance.now() - began > 20) await sleep(1);
  }
}
