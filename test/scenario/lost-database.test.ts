import { DatabaseSync } from '@photostructure/sqlite';
import { expect, test } from 'vitest';
import { FakeComponentServer } from '../support/fake-component-server.ts';
import { gatewayConfig, startGateway } from '../support/gateway-process.ts';

test('a database that opens and can’t be read is refused as one that can’t be used', async () => {
  const prosody = {
    componentPort: 9,
    domain: 'example.test',
    component: { domain: 'calendar.example.test', secret: 's' },
  };
  const gateway = await startGateway(
    gatewayConfig({ prosody, simulator: { url: 'http://127.0.0.1:9/EWS/Exchange.asmx' } }),
  );
  try {
    await gateway.waitForLog('Created the database');
    await gateway.stop();
    const database = new DatabaseSync(`${gateway.folder}/gateway.db`);
    database.exec('DROP TABLE said');
    database.close();
    await gateway.restart();
    expect((await gateway.waitForLog('The database can’t be used')).reason).toContain('gateway.db');
    expect(await gateway.exit()).toBe(74);
    expect(gateway.output).not.toContain('a fault of the gateway itself');
  } finally {
    await gateway.remove();
  }
});

// Stands for whatever ends the thread: no memory, say.
const KILLER = `import { Worker, isMainThread } from 'node:worker_threads';
if (isMainThread) {
  const workers = new Set();
  const { on } = Worker.prototype;
  Worker.prototype.on = function (...words) {
    // Node's own thread that loads modules is of a class of its own.
    if (this.constructor === Worker) workers.add(this);
    return on.apply(this, words);
  };
  process.on('SIGUSR2', () => { for (const worker of workers) void worker.terminate(); });
}`;

test('a gateway that has lost its storage thread, and the lock with it, stops with 74 to be started anew', async () => {
  const server = await new FakeComponentServer().start();
  const prosody = { componentPort: server.port, domain: 'example.test', component: server };
  const { config, files } = gatewayConfig({ prosody, simulator: { url: 'http://127.0.0.1:9/EWS/Exchange.asmx' } });
  const gateway = await startGateway({
    config,
    files,
    env: { NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(KILLER)}"` },
  });
  try {
    await gateway.waitForLog('Connected to the XMPP server');
    process.kill(gateway.pid, 'SIGUSR2');
    await gateway.waitForLog(({ level, msg }) => level === 'error' && msg.startsWith('The database is lost'));
    expect(await gateway.exit()).toBe(74);
  } finally {
    await gateway.remove();
    await server.stop();
  }
});
