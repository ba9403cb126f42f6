import { mkdirSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { adapted, checkXmpp, serve } from '../support/snippet.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const SECRET = 'a-secret-for-this-test';

/** What is closed after each test, the last one first. */
const closings: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

test('the snippet for Prosody, put where it says, lets the gateway in', async () => {
  const folder = makeTempFolder();
  closings.push(() => folder.remove());
  const port = await freePort();
  const snippet = adapted('config/prosody.cfg.lua.example', { '5347': String(port), 'CHANGE-ME': SECRET });
  const [global, component] = snippet.split(/^-- 2\. .*$/m);
  mkdirSync(folder.file('certificates'));
  const file = folder.write(
    'prosody.cfg.lua',
    `
run_as_root = true
pidfile = ${JSON.stringify(folder.file('prosody.pid'))}
data_path = ${JSON.stringify(folder.file('data'))}
certificates = ${JSON.stringify(folder.file('certificates'))}
log = { info = "*console" }
c2s_ports = {}
c2s_direct_tls_ports = {}
modules_disabled = { "s2s" }
${global}
VirtualHost "example.com"
${component}
`,
  );
  const prosody = await serve('prosody', ['-F', '--config', file], port);
  closings.push(() => prosody.stop('SIGKILL', 0));
  const xmpp = { port, domain: 'calendar.example.com', secretFile: 'component-secret' };
  expect(await checkXmpp(folder, xmpp, SECRET)).toEqual(['handshake ok', 'ping ok']);
});
