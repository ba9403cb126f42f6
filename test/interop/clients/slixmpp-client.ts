// A Jabber client of another family: Python's slixmpp, in a process of its own (slixmpp-client.py).

import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startProcess } from '../../support/child-process.ts';
import type { XmppServer } from '../../support/xmpp-server.ts';

/** What it heard: `event`, the `jid` it is about, and what the event has besides. */
export type Heard = { readonly event: string; readonly jid?: string; readonly [field: string]: unknown };

export type Command =
  | 'subscribe'
  | 'remove'
  | 'roster'
  | 'ping'
  | 'version'
  | 'disco'
  | 'caps'
  | 'vcard'
  | 'uptime'
  | 'message';

export interface SlixmppClient {
  /** Everything that it heard, in order. */
  readonly heard: readonly Heard[];
  /** Says nothing back by itself; what comes of it is heard. */
  order(command: Command, jid: string): void;
  /** Takes the first event not taken yet that has these fields, waiting for it `limit` milliseconds (default 20,000). */
  next(wanted: Heard, limit?: number): Promise<Heard>;
  /** Logs out and resolves when the process has ended. Does nothing when it has. */
  logOut(): Promise<void>;
}

// Debian's own Python: another one on the PATH does not see Debian's packages.
const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('slixmpp-client.py', import.meta.url));

/** Logs in; resolves when the roster is there and presence is sent. Rejects with what Python said. */
export async function connectSlixmpp(server: XmppServer, user: string): Promise<SlixmppClient> {
  const python = await startProcess(
    PYTHON,
    [SCRIPT, '127.0.0.1', String(server.c2sPort), `${user}@${server.domain}/slixmpp`],
    { env: { ...process.env, PASSWORD: `${user}-secret` }, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const { stdin, stdout, stderr } = python.child;
  if (!stdin || !stdout || !stderr) throw new Error('no pipes to Python');
  const heard: Heard[] = [];
  const untaken: Heard[] = [];
  const checks = new Set<() => void>();
  let errors = '';
  stderr.on('data', (text) => {
    errors = (errors + text).slice(-5_000);
  });
  createInterface({ input: stdout }).on('line', (line) => {
    const event = JSON.parse(line) as Heard;
    heard.push(event);
    untaken.push(event);
    for (const check of [...checks]) check();
  });

  function next(wanted: Heard, limit = 20_000): Promise<Heard> {
    // Made here, so that its stack shows the line of the test that waits.
    const error = new Error();
    return new Promise((resolve, reject) => {
      const finish = () => {
        clearTimeout(timer);
        checks.delete(check);
      };
      const fail = (why: string) => {
        if (!checks.has(check)) return;
        finish();
        const lines = untaken.map((event) => `  ${JSON.stringify(event)}\n`).join('');
        error.message = `${user} did not hear ${JSON.stringify(wanted)}: ${why}; not taken:\n${lines}${errors}`;
        reject(error);
      };
      const check = () => {
        const position = untaken.findIndex((event) => isLike(event, wanted));
        if (position < 0) return;
        finish();
        resolve(untaken.splice(position, 1)[0] as Heard);
      };
      const timer = setTimeout(() => fail(`${limit} ms went by`), limit);
      checks.add(check);
      check();
      void python.ended.then(() => fail('Python ended'));
    });
  }

  const client = {
    heard,
    next,
    order(command: Command, jid: string) {
      stdin.write(`${JSON.stringify([command, jid])}\n`);
    },
    async logOut() {
      stdin.end();
      const timer = setTimeout(() => python.child.kill('SIGKILL'), 5_000);
      await python.ended;
      clearTimeout(timer);
    },
  };
  await next({ event: 'online' }).catch(async (error) => {
    await python.stop('SIGKILL', 0);
    throw error;
  });
  return client;
}

function isLike(event: Heard, wanted: Heard): boolean {
  return Object.entries(wanted).every(([field, value]) => event[field] === value);
}
