import type { Mailbox } from '../directory/directory.ts';
import type { FreeBusyAnswer } from './calendar-source.ts';
import { CalendarSourceError } from './calendar-source-error.ts';

/** Whether the failure of a whole request may be the doing of one of its mailboxes. */
export function mayBeOneMailbox(error: unknown): error is CalendarSourceError {
  if (!(error instanceof CalendarSourceError)) return false;
  switch (error.kind) {
    case 'malformed':
    case 'wrong-server':
      return true;
    case 'unreachable':
    case 'access-denied':
      return error.hasResponseCode;
    default:
      return false;
  }
}

/** Whether the halves may be asked for at once: not where the source wants to be left alone for a while first. */
function mayGoOn(error: unknown): error is CalendarSourceError {
  return mayBeOneMailbox(error) && error.retryAfter === undefined;
}

/**
 * Asks for a batch; when it fails as a whole in a way that one poisonous mailbox can cause, asks for its halves, one
 * after the other, until that mailbox is alone and gets the error as its own answer. That takes at most
 * 2·⌈log2 n⌉ + 1 requests: when both halves fail, it is the server's trouble.
 *
 * @param ask answers for each mailbox, in their order
 * @throws what `ask` threw where it is not one mailbox's doing, or names a time after which to ask again
 */
export async function askInHalves<Answer>(
  mailboxes: readonly Mailbox[],
  ask: (mailboxes: readonly Mailbox[]) => Promise<readonly Answer[]>,
): Promise<readonly (Answer | FreeBusyAnswer)[]> {
  try {
    return await ask(mailboxes);
  } catch (error) {
    if (mailboxes.length < 2 || !mayGoOn(error)) throw error;
    return await askForHalves(mailboxes, ask, error);
  }
}

/** @param whole how the batch as a whole failed */
async function askForHalves<Answer>(
  mailboxes: readonly Mailbox[],
  ask: (mailboxes: readonly Mailbox[]) => Promise<readonly Answer[]>,
  whole: CalendarSourceError,
): Promise<readonly (Answer | FreeBusyAnswer)[]> {
  const middle = Math.ceil(mailboxes.length / 2);
  const halves = [mailboxes.slice(0, middle), mailboxes.slice(middle)];
  const results: (readonly Answer[] | CalendarSourceError)[] = [];
  for (const half of halves) {
    try {
      results.push(await ask(half));
    } catch (error) {
      if (!mayGoOn(error)) throw error;
      results.push(error);
    }
  }
  if (results.every((result) => result instanceof CalendarSourceError)) throw whole;
  const answers = [];
  for (const [i, result] of results.entries()) {
    const half = halves[i] ?? [];
    const [first] = half;
    if (!(result instanceof CalendarSourceError)) answers.push(...result);
    else if (half.length === 1 && first !== undefined) answers.push({ mailbox: first, error: result });
    else answers.push(...(await askForHalves(half, ask, result)));
  }
  return answers;
}
