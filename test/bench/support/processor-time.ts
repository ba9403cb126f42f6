import { readdirSync, readFileSync } from 'node:fs';

/** The processor time that a process has taken, all its threads together, in milliseconds (proc(5), schedstat). */
export function processorTime(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ', 1)[0]);
  }
  return nanoseconds / 1e6;
}
