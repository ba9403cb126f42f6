import { connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** How many connections were made through it. */
  readonly connections: number;
  /** From now on every byte travels alone: characters and stanzas arrive in pieces. */
  split(): void;
  /** From now on nothing arrives in either direction, and nobody is told: the peer has vanished without a FIN. */
  freeze(): void;
  /** Ends what was set; connections that were frozen stay so. */
  thaw(): void;
  stop(): Promise<void>;
}

/** Stands between a client and a server on loopback, and misbehaves when told to. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let connections = 0;
  let splitting = false;
  let frozen = false;

  function pipe(from: Socket, to: Socket, isFrozen: () => boolean): void {
    sockets.add(from);
    from.on('data', (bytes) => {
      if (isFrozen()) return;
      if (!splitting) to.write(bytes);
      else void drip(bytes, to);
    });
    from.on('close', () => {
      sockets.delete(from);
      if (!isFrozen()) to.destroy();
    });
    from.on('error', () => undefined);
  }

  const queue = new WeakMap<Socket, Promise<void>>();
  async function drip(bytes: Buffer, to: Socket): Promise<void> {
    const before = queue.get(to);
    const run = (async () => {
      await before;
      for (const byte of bytes) {
        to.write(Buffer.from([byte]));
        await new Promise(setImmediate);
      }
    })();
    queue.set(to, run);
    await run;
  }

  const server = createServer((client) => {
    connections++;
    let dead = frozen;
    freezers.add(() => {
      dead = true;
    });
    client.setNoDelay(true);
    const upstream = connect(target, '127.0.0.1').setNoDelay(true);
    pipe(client, upstream, () => dead);
    pipe(upstream, client, () => dead);
  });
  const freezers = new Set<() => void>();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    get connections() {
      return connections;
    },
    split: () => {
      splitting = true;
    },
    freeze: () => {
      frozen = true;
      for (const freeze of freezers) freeze();
    },
    thaw: () => {
      frozen = false;
      splitting = false;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
