import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the range from which Linux takes the ports of outgoing connections (32768 and up): a server that is
// stopped and started again on its port must not find it taken by somebody's outgoing connection meanwhile.
const LOWEST = 12_000;
const HIGHEST = 32_000;
const ATTEMPTS = 50;
const given = new Set<number>();

/** A TCP port that is free on 127.0.0.1 now and was not given to anybody in this process, for servers that can't be asked which port they took. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port found on 127.0.0.1 between ${LOWEST} and ${HIGHEST}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen({ host: '127.0.0.1', port, exclusive: true });
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
