import { afterEach, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { makeAuthority } from '../support/certificate.ts';
import { erlangEnvironment } from '../support/ejabberd.ts';
import { freePort } from '../support/free-port.ts';
import { adapted, checkXmpp, serve } from '../support/snippet.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const SECRET = 'a-secret-for-this-test';

/** What is closed after each test, the last one first. */
const closings: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

test('the snippet for ejabberd lets the gateway in over TLS, with the configuration that it names', async () => {
  const folder = makeTempFolder();
  closings.push(() => folder.remove());
  const port = await freePort();
  const snippet = adapted('config/ejabberd.yml.example', {
    '5347': String(port),
    '0.0.0.0': '127.0.0.1',
    'CHANGE-ME': SECRET,
    'xmpp.example.com': 'localhost',
    '/etc/ejabberd/calendar.pem': folder.file('certificate.pem'),
  });
  const authority = makeAuthority();
  const { key, cert } = authority.issue();
  folder.write('certificate.pem', `${key}${cert}`);
  const surroundings = {
    hosts: ['example.com'],
    loglevel: 'info',
    ca_file: folder.write('authority.pem', authority.ca),
  };
  const file = folder.write('ejabberd.yml', stringify({ ...surroundings, ...(parse(snippet) as object) }));
  const database = JSON.stringify(folder.file('database'));
  const words = ['-noinput', '-mnesia', 'dir', database, '-s', 'ejabberd'];
  const ejabberd = await serve('erl', words, port, erlangEnvironment(folder, file));
  closings.push(() => ejabberd.stop('SIGKILL', 0));

  const named = /^# In gateway\.yaml:\n((?:# {3}.*\n)+)/m.exec(snippet)?.[1] ?? '';
  const { xmpp } = parse(named.replaceAll(/^# {3}/gm, '')) as { xmpp: object };
  expect(xmpp).toMatchObject({ port, tls: true });
  const steps = await checkXmpp(folder, { ...xmpp, tls: { caFile: 'authority.pem' } }, SECRET);
  expect(steps).toEqual(['handshake ok', 'ping ok']);
});
