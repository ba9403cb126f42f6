// The gateway as its users run it: a process of its own, with a YAML file, secrets in files and a database in a folder.

import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { stringify } from 'yaml';
import { type RunningProcess, startProcess } from './child-process.ts';
import { type GatewayEntry, gatewayProgram, root } from './gateway-program.ts';
import { makeTempFolder } from './temp-folder.ts';

export type GatewayOptions = {
  /** Written as YAML. Relative paths in it are relative to the gateway's folder. */
  config: object;
  /** Files beside the YAML file, by name: secrets, certificates. Only the owner can read them. */
  files?: Readonly<Record<string, string>>;
  env?: Readonly<Record<string, string>>;
  /** Default `source`. */
  entry?: GatewayEntry;
};

export type LogLine = { readonly level: string | number; readonly msg: string; readonly [field: string]: unknown };

export interface GatewayProcess {
  readonly folder: string;
  readonly configFile: string;
  readonly pid: number;
  readonly isRunning: boolean;
  /** Every JSON log line since the first start. */
  readonly logs: readonly LogLine[];
  /** What it wrote that is no JSON: what a crash says, for instance. */
  readonly output: string;
  /**
   * Takes the first log line not taken yet whose message is `message` (or that matches), waiting for it `limit`
   * milliseconds (default 10,000). Rejects with the last lines; at once when the gateway has ended.
   */
  waitForLog(message: string | ((line: LogLine) => boolean), limit?: number): Promise<LogLine>;
  /** Resolves with the exit code when the gateway ends by itself; null when a signal ended it. */
  exit(): Promise<number | null>;
  /** SIGTERM; resolves with the exit code, null when it had to be killed after `limit` milliseconds (default 40,000). */
  stop(limit?: number): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again with the same configuration (or another) and database; stops it before if it still runs. */
  restart(config?: object): Promise<void>;
  /** Kills it if it still runs and removes its folder. */
  remove(): Promise<void>;
}

const STOP_LIMIT = 40_000;

/** Starts a gateway process. It may not be ready yet: wait for the log line that matters. */
export async function startGateway(options: GatewayOptions): Promise<GatewayProcess> {
  const folder = makeTempFolder();
  for (const [name, content] of Object.entries(options.files ?? {})) folder.write(name, content);
  const configFile = folder.write('gateway.yaml', stringify(options.config));
  const logs: LogLine[] = [];
  const untaken: LogLine[] = [];
  let output = '';
  const checks = new Set<() => void>();
  let gateway: RunningProcess;

  function read(stream: Readable): void {
    createInterface({ input: stream }).on('line', (text) => {
      const line = parseLogLine(text);
      if (line) {
        logs.push(line);
        untaken.push(line);
      } else {
        output += `${text}\n`;
      }
      for (const check of [...checks]) check();
    });
  }

  async function start(): Promise<void> {
    const program = gatewayProgram(options.entry);
    // What an earlier process said must not be taken for what this one says.
    untaken.length = 0;
    gateway = await startProcess(process.execPath, [...program, 'run', '--config', configFile], {
      cwd: root,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (gateway.child.stdout) read(gateway.child.stdout);
    if (gateway.child.stderr) read(gateway.child.stderr);
    void gateway.ended.then(() => {
      for (const check of [...checks]) check();
    });
  }

  async function end(signal: NodeJS.Signals, limit: number): Promise<number | null> {
    const { code } = await gateway.stop(signal, limit);
    return code;
  }

  function lastLines(): string {
    const lines = logs.slice(-20).map((line) => `  ${JSON.stringify(line)}\n`);
    return `${gateway.isRunning ? 'it runs' : 'it has ended'}; its last log lines:\n${lines.join('')}${output.slice(-2_000)}`;
  }

  await start();
  return {
    folder: folder.path,
    configFile,
    get pid() {
      return gateway.pid;
    },
    get isRunning() {
      return gateway.isRunning;
    },
    logs,
    get output() {
      return output;
    },
    waitForLog(message, limit = 10_000) {
      const matches = typeof message === 'string' ? (line: LogLine) => line.msg === message : message;
      // Made here, so that its stack shows the line of the test that waits.
      const error = new Error();
      const { ended } = gateway;
      return new Promise<LogLine>((resolve, reject) => {
        const finish = (): void => {
          clearTimeout(timer);
          checks.delete(check);
        };
        const fail = (why: string): void => {
          if (!checks.has(check)) return;
          finish();
          error.message = `the gateway did not log ${message}: ${why}; ${lastLines()}`;
          reject(error);
        };
        const check = (): boolean => {
          const position = untaken.findIndex(matches);
          if (position < 0) return false;
          finish();
          resolve(untaken.splice(position, 1)[0] as LogLine);
          return true;
        };
        const timer = setTimeout(() => fail(`${limit} ms went by`), limit);
        checks.add(check);
        if (!check()) void ended.then(() => check() || fail('it ended'));
      });
    },
    async exit() {
      return (await gateway.ended).code;
    },
    stop: (limit = STOP_LIMIT) => end('SIGTERM', limit),
    async kill() {
      await end('SIGKILL', STOP_LIMIT);
    },
    async restart(config) {
      await end('SIGTERM', STOP_LIMIT);
      if (config) folder.write('gateway.yaml', stringify(config));
      await start();
    },
    async remove() {
      await end('SIGKILL', STOP_LIMIT);
      folder.remove();
    },
  };
}

export type GatewayConfigInput = {
  prosody: { componentPort: number; domain: string; component: { domain: string; secret: string } };
  simulator: { url: string };
  /** Merged into the result: mappings key by key, lists and values as a whole. */
  overrides?: object;
};

/** What a usual test needs: one Exchange server, one XMPP server, everybody may watch everybody. For `startGateway`. */
export function gatewayConfig(input: GatewayConfigInput): { config: object; files: Record<string, string> } {
  const { prosody, simulator } = input;
  const config = {
    xmpp: {
      host: '127.0.0.1',
      port: prosody.componentPort,
      domain: prosody.component.domain,
      secretFile: 'component-secret',
    },
    exchange: {
      servers: [{ name: 'hq', url: simulator.url, username: 'gateway', passwordFile: 'exchange-password' }],
    },
    directory: { rule: `{local}@${prosody.domain}` },
    watchers: { domains: [prosody.domain] },
    storage: { file: 'gateway.db' },
    log: { level: 'debug', format: 'json' },
  };
  return {
    config: merge(config, input.overrides ?? {}) as object,
    files: { 'component-secret': `${prosody.component.secret}\n`, 'exchange-password': 'secret\n' },
  };
}

function merge(base: unknown, change: unknown): unknown {
  if (!isMapping(base) || !isMapping(change)) return change;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(change)) merged[key] = merge(merged[key], value);
  return merged;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseLogLine(text: string): LogLine | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const line = JSON.parse(text) as LogLine;
    return typeof line.msg === 'string' ? line : undefined;
  } catch {
    return undefined;
  }
}
