// Processes of their own for what a benchmark must not measure together: the parent calls, the other answers.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What a helper can be asked: each call takes one value and gives one, both as structured clones. */
type Calls<Names> = { readonly [Name in keyof Names]: (input: never) => unknown };
type Input<Call> = Call extends (input: infer Value) => unknown ? Value : never;
type Output<Call> = Call extends (input: never) => infer Value ? Awaited<Value> : never;

export interface HelperProcess<Handlers> {
  readonly pid: number;
  /** Rejects with what the handler threw (its message), or when the process has ended. */
  call<Name extends keyof Handlers & string>(name: Name, input: Input<Handlers[Name]>): Promise<Output<Handlers[Name]>>;
  /** Ends it, as the end of this process would. */
  stop(): Promise<void>;
}

type Request = { readonly id: number; readonly name: string; readonly input: unknown };
type Reply = { readonly id: number; readonly value?: unknown; readonly error?: string };

/** Starts a TypeScript file that calls `answerParent`; `nodeOptions` are for Node itself, as `--expose-gc`. */
export function forkHelper<Handlers extends Calls<Handlers>>(
  file: URL,
  nodeOptions: readonly string[] = [],
): HelperProcess<Handlers> {
  const child = fork(fileURLToPath(file), [], {
    execArgv: ['--import', 'tsx', ...nodeOptions],
    serialization: 'advanced',
  });
  const ended = once(child, 'exit');
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let last = 0;
  child.on('message', ({ id, value, error }: Reply) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new Error(error));
  });
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('The helper process has ended'));
  });
  return {
    pid: child.pid ?? 0,
    call: (name, input) =>
      new Promise((resolve, reject) => {
        if (!child.connected) throw new Error('The helper process has ended');
        last++;
        waiting.set(last, { resolve: resolve as (value: unknown) => void, reject });
        child.send({ id: last, name, input } satisfies Request);
      }),
    async stop() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

/** In the helper: answers the parent's calls, and ends with it. */
export function answerParent<Handlers extends Calls<Handlers>>(handlers: Handlers): void {
  process.on('message', ({ id, name, input }: Request) => {
    const reply = (message: Reply) => process.send?.(message);
    const run = async () => (handlers[name as keyof Handlers] as (input: never) => unknown)(input as never);
    run().then(
      (value) => reply({ id, value }),
      (error: unknown) => reply({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on('disconnect', () => process.exit());
}
