import { expect, test } from 'vitest';
import { LoopShare } from '../../../component/runtime/loop-share.ts';

test('however many do work in pieces, no turn of the event loop has more than the share, and all come to an end', async () => {
  const share = new LoopShare(10);
  let inThisTurn = 0;
  let most = 0;
  let isDone = false;
  const watchTurns = () => {
    most = Math.max(most, inThisTurn);
    inThisTurn = 0;
    if (!isDone) setImmediate(watchTurns);
  };
  setImmediate(watchTurns);
  const work = async (pieces: number, size: number) => {
    for (let i = 0; i < pieces; i++) {
      while (!share.take(size)) await share.next();
      inThisTurn += size;
    }
  };
  await Promise.all([work(20, 4), work(20, 4), work(30, 1), work(5, 10)]);
  isDone = true;
  await new Promise((resolve) => setImmediate(resolve));
  expect(most).toBeGreaterThan(0);
  // A turn that begins in the middle of the test's own count may hold the end of one share and the next.
  expect(most).toBeLessThanOrEqual(20);
});

test('a piece larger than the share has a turn of its own', () => {
  const share = new LoopShare(10);
  expect(share.take(50)).toBe(true);
  expect(share.take(1)).toBe(false);
});
