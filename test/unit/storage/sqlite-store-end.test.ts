import { afterEach, expect, test, vi } from 'vitest';
import { SqliteStore } from '../../../adapters/storage/sqlite-store.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('a disk that does not let the store be closed keeps the process no longer than the limit', async () => {
  vi.useFakeTimers();
  const abandon = vi.fn();
  const never = new Promise<never>(() => {});
  const store = new SqliteStore({
    commit: () => never,
    page: () => never,
    close: () => never,
    abandon,
    ended: never,
  });
  const closed = expect(store.close()).rejects.toMatchObject({ kind: 'timeout' });
  await vi.advanceTimersByTimeAsync(9_999);
  expect(abandon).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  await closed;
  expect(abandon).toHaveBeenCalledOnce();
});
