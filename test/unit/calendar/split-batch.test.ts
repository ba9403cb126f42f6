import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FreeBusyAnswer } from '../../../component/calendar/calendar-source.ts';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import { askInHalves } from '../../../component/calendar/split-batch.ts';

const malformed = new CalendarSourceError('malformed', 'no sense in it');
const many = (count: number) => Array.from({ length: count }, (_, i) => `user${i}`);

/** A server that fails a whole request when one of these is in it, and counts what it is asked. */
function server(poisonous: readonly string[], failure: unknown = malformed) {
  const requests: (readonly string[])[] = [];
  const ask = async (mailboxes: readonly string[]): Promise<readonly FreeBusyAnswer[]> => {
    requests.push(mailboxes);
    if (mailboxes.some((mailbox) => poisonous.includes(mailbox))) throw failure;
    return mailboxes.map((mailbox) => ({ mailbox, periods: [] }));
  };
  return { requests, ask };
}

describe('a batch that fails as a whole', () => {
  test('is halved until the poisonous mailbox is alone, and that one alone gets the error', async () => {
    const anywhere = fc.integer({ min: 2, max: 100 }).chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1)));
    await fc.assert(
      fc.asyncProperty(anywhere, async ([size, at]) => {
        const { requests, ask } = server([`user${at}`]);
        const answers = await askInHalves(many(size), ask);
        expect(answers).toEqual(
          many(size).map((mailbox, i) => (i === at ? { mailbox, error: malformed } : { mailbox, periods: [] })),
        );
        expect(requests.length).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(size)) + 1);
      }),
    );
  });

  test('is asked for once when all is well', async () => {
    const { requests, ask } = server([]);
    expect(await askInHalves(many(100), ask)).toHaveLength(100);
    expect(requests).toHaveLength(1);
  });

  test('costs three requests when it is the server’s trouble, and fails as it did first', async () => {
    const { requests, ask } = server(many(100));
    await expect(askInHalves(many(100), ask)).rejects.toBe(malformed);
    expect(requests.map(({ length }) => length)).toEqual([100, 50, 50]);
  });

  test('of one mailbox says nothing about the server: it fails', async () => {
    const { requests, ask } = server(['user0']);
    await expect(askInHalves(many(1), ask)).rejects.toBe(malformed);
    expect(requests).toHaveLength(1);
  });

  test.each([
    ['malformed', undefined, true],
    ['wrong-server', undefined, true],
    ['unreachable', 'ErrorInternalServerError', true],
    ['access-denied', 'ErrorImpersonateUserDenied', true],
    ['unreachable', 'ECONNRESET', false],
    ['unreachable', undefined, false],
    ['access-denied', undefined, false],
    ['throttled', 'ErrorServerBusy', false],
    ['unauthorized', undefined, false],
    ['blocked', undefined, false],
  ] as const)('with %s (%s) is asked for by halves: %s', async (kind, code, isHalved) => {
    const error = new CalendarSourceError(kind, 'no', code === undefined ? {} : { code });
    const { requests, ask } = server(['user3'], error);
    const asked = askInHalves(many(8), ask);
    if (isHalved) expect(await asked).toContainEqual({ mailbox: 'user3', error });
    else await expect(asked).rejects.toBe(error);
    expect(requests.length > 1).toBe(isHalved);
  });

  test('is asked for no further when a half is throttled, or when it is a fault of our own', async () => {
    for (const failure of [new CalendarSourceError('throttled', 'busy'), new TypeError('a bug')]) {
      let requests = 0;
      const ask = async (): Promise<readonly FreeBusyAnswer[]> => {
        throw ++requests === 1 ? malformed : failure;
      };
      await expect(askInHalves(many(100), ask)).rejects.toBe(failure);
      expect(requests).toBe(2);
    }
  });

  test('is asked for no further when the server wants to be left alone for a while, whatever else it says', async () => {
    const later = new CalendarSourceError('malformed', 'no sense in it', { retryAfter: 60_000 });
    const whole = server(['user3'], later);
    await expect(askInHalves(many(8), whole.ask)).rejects.toBe(later);
    expect(whole.requests).toHaveLength(1);

    let requests = 0;
    const ask = async (): Promise<readonly FreeBusyAnswer[]> => {
      throw ++requests === 1 ? malformed : later;
    };
    await expect(askInHalves(many(8), ask)).rejects.toBe(later);
    expect(requests).toBe(2);
  });
});
