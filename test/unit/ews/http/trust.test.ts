import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeAuthority, type TestCertificate } from '../../../support/certificate.ts';
import { makeTempFolder, type TempFolder } from '../../../support/temp-folder.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const authorities = { extra: makeAuthority(), configured: makeAuthority(), unknown: makeAuthority() };
const another = makeAuthority();

let folder: TempFolder;
const servers: Server[] = [];
let ports: readonly number[];

beforeAll(async () => {
  folder = makeTempFolder();
  folder.write('configured.pem', authorities.configured.ca);
  ports = await Promise.all(Object.values(authorities).map(({ issue }) => serve(issue())));
});

afterAll(() => {
  for (const server of servers) server.close();
  folder.remove();
});

async function serve(certificate: TestCertificate): Promise<number> {
  const server = createServer(certificate, (socket) => socket.on('error', () => {}).end());
  servers.push(server);
  await once(server.on('tlsClientError', () => {}).listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

/** What becomes of a connection to each server, in a process of its own: Node reads the variable at its start. */
async function connect(extra: string, ca: string): Promise<unknown> {
  const program = `
    import { readFileSync } from 'node:fs';
    import { createConnector } from './adapters/ews/http/connector.ts';
    import { systemClock } from './adapters/runtime/system-clock.ts';
    const [file, ...ports] = process.argv.slice(1);
    const ca = readFileSync(file, 'utf8');
    const connect = createConnector({ ca, connectTimeout: 10_000, clock: systemClock });
    const results = ports.map((port) => new Promise((resolve) => {
      connect({ hostname: '127.0.0.1', protocol: 'https:', port }, (error, socket) => {
        socket?.destroy();
        resolve(error?.code ?? 'connected');
      });
    }));
    console.log(JSON.stringify(await Promise.all(results)));`;
  const words = ['--import', 'tsx', '--input-type=module', '-e', program, ca, ...ports.map(String)];
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: extra };
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: root, env, timeout: 60_000 });
  return JSON.parse(stdout);
}

const refused = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';

test('an authority of NODE_EXTRA_CA_CERTS counts beside the configured one', async () => {
  const extra = folder.write('extra.pem', `${another.ca}\n${authorities.extra.ca}`);
  expect(await connect(extra, folder.file('configured.pem'))).toEqual(['connected', 'connected', refused]);
}, 60_000);

test('a file of NODE_EXTRA_CA_CERTS that is not there takes nothing from the configured authority', async () => {
  const configured = folder.file('configured.pem');
  expect(await connect(folder.file('missing.pem'), configured)).toEqual([refused, 'connected', refused]);
}, 60_000);
