// What an administrator copies, tried as it stands: a snippet for a server with other ports and names, the server with
// it, and `presence-gateway check`.

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { runCheck } from './check-command.ts';
import { type RunningProcess, startProcess } from './child-process.ts';
import { root } from './gateway-program.ts';
import type { TempFolder } from './temp-folder.ts';

const START_LIMIT = 60_000;

/** A file of the repository with other names in it; each of them must be there. */
export function adapted(file: string, names: Readonly<Record<string, string>>): string {
  let text = readFileSync(join(root, file), 'utf8');
  for (const [name, other] of Object.entries(names)) {
    if (!text.includes(name)) throw new Error(`${file} has no ${name}`);
    text = text.replaceAll(name, other);
  }
  return text;
}

/** Starts a server and resolves when it listens. Rejects with what it said. The caller stops it. */
export async function serve(
  program: string,
  words: readonly string[],
  port: number,
  env = {},
): Promise<RunningProcess> {
  const server = await startProcess(program, words, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [server.child.stdout, server.child.stderr]) {
    stream?.on('data', (text) => {
      output = (output + text).slice(-10_000);
    });
  }
  await untilListening(server, port).catch(async (cause) => {
    await server.stop('SIGKILL', 0);
    throw new Error(`${program} does not listen; it said:\n${output}`, { cause });
  });
  return server;
}

async function untilListening(server: RunningProcess, port: number): Promise<void> {
  const deadline = Date.now() + START_LIMIT;
  while (!(await accepts(port))) {
    if (!server.isRunning) throw new Error('it ended');
    if (Date.now() > deadline) throw new Error(`not ready after ${START_LIMIT} ms`);
    await sleep(50);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** Runs `presence-gateway check` with this section `xmpp`; what it says of the last steps to the XMPP server. */
export async function checkXmpp(folder: TempFolder, xmpp: object, secret: string): Promise<string[]> {
  folder.write('component-secret', secret);
  folder.write('exchange-password', 'secret');
  // Nobody answers there: Exchange is not what is checked.
  const server = { name: 'hq', url: 'http://127.0.0.1:9/EWS/Exchange.asmx' };
  const file = folder.write(
    'gateway.yaml',
    stringify({
      xmpp,
      exchange: { servers: [{ ...server, username: 'gateway', passwordFile: 'exchange-password' }] },
      directory: { rule: '{local}@example.com' },
      watchers: { domains: ['example.com'] },
      storage: { file: folder.file('gateway.db') },
    }),
  );
  const { findings } = await runCheck('--config', file, '--json');
  const steps = findings.filter(({ server: name, step }) => name === 'XMPP' && /handshake|ping/.test(step));
  return steps.map(({ step, severity }) => `${step} ${severity}`);
}
