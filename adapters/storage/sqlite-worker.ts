// The entry of the thread that owns the database: answers the requests of sqlite-thread.ts, one after the other.
import { parentPort, workerData } from 'node:worker_threads';
import { SqliteEngine } from './sqlite-engine.ts';
import { storageErrorOf } from './sqlite-failure.ts';
import type { Answer, Request, WorkerInput } from './sqlite-thread.ts';
import { toPlainStorageError } from './storage-error.ts';

const { file } = workerData as WorkerInput;

function answer(id: number, work: () => unknown): void {
  let message: Answer;
  try {
    message = { id, result: work() };
  } catch (error) {
    message = { id, error: toPlainStorageError(storageErrorOf(file, error)) };
  }
  parentPort?.postMessage(JSON.stringify(message));
}

answer(0, () => {
  const engine = SqliteEngine.open(file);
  parentPort?.on('message', (text: string) => {
    const request = JSON.parse(text) as Request;
    answer(request.id, () => {
      switch (request.op) {
        case 'commit':
          return engine.commit(request.changes);
        case 'page':
          return engine.page(request.table, request.after, request.limit);
        case 'close':
          return engine.close();
      }
    });
  });
  return engine.report;
});
