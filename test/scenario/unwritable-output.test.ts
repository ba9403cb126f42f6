import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { FakeComponentServer, until } from '../support/fake-component-server.ts';
import { gatewayConfig } from '../support/gateway-process.ts';
import { gatewayProgram, root } from '../support/gateway-program.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

function command(stdout: number | 'pipe', ...words: string[]): ChildProcess {
  const program = [...gatewayProgram(), ...words];
  return spawn(process.execPath, program, { cwd: root, stdio: ['ignore', stdout, 'ignore'] });
}

test.each(['json', 'pretty'])(
  'a gateway whose log (%s) can’t be written any more goes on and stops as usual',
  async (format) => {
    const server = await new FakeComponentServer().start();
    const folder = makeTempFolder();
    const full = openSync('/dev/full', 'w');
    const children: ChildProcess[] = [];
    try {
      const prosody = { componentPort: server.port, domain: 'example.test', component: server };
      const simulator = { url: 'http://127.0.0.1:9/EWS/Exchange.asmx' };
      for (const output of [full, 'pipe'] as const) {
        const file = `${output === full ? 'full' : 'gone'}.db`;
        const overrides = { storage: { file }, log: { format } };
        const { config, files } = gatewayConfig({ prosody, simulator, overrides });
        for (const [name, content] of Object.entries(files)) folder.write(name, content);
        const gateway = command(output, 'run', '--config', folder.write('gateway.yaml', stringify(config)));
        children.push(gateway);
        const ended = once(gateway, 'exit');
        gateway.stdout?.once('data', () => gateway.stdout?.destroy());
        const connected = server.stream(children.length - 1, 30_000);
        expect(await Promise.race([connected.then(() => 'connected'), ended])).toBe('connected');
        const stream = await connected;
        await until(() => stream.isAuthenticated, 'the handshake');
        gateway.kill('SIGTERM');
        expect(await ended).toEqual([0, null]);
      }
    } finally {
      for (const child of children) child.kill('SIGKILL');
      closeSync(full);
      await server.stop();
      folder.remove();
    }
  },
);

test('a text that can’t be printed is no success; a reader that has seen enough is no failure', async () => {
  const full = openSync('/dev/full', 'w');
  try {
    expect(await once(command(full, 'config', 'schema'), 'exit')).toEqual([74, null]);
  } finally {
    closeSync(full);
  }
  const reader = command('pipe', '--help');
  reader.stdout?.destroy();
  expect(await once(reader, 'exit')).toEqual([0, null]);
});
