import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** How much of the memory is garbage is up to the engine, and newer ones let more of it lie: a test looks without it. */
export const collectGarbage = runInNewContext('gc') as () => void;

/** The bytes in use by objects and buffers, garbage included. */
export function memoryInUse(): number {
  // Not process.memoryUsage(), which has the kernel count pages.
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}
