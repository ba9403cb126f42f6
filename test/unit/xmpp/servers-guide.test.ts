import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { reportEnd, type StreamEnd } from '../../../component/xmpp/component-connection-end.ts';

const guide = readFileSync(new URL('../../../docs/servers.md', import.meta.url), 'utf8');

const socketError = (code: string): StreamEnd => ({
  kind: 'socket-error',
  error: Object.assign(new Error(code), { code }),
});

// What the servers' logs say is seen in test/interop/prosody-facts and test/ejabberd/ejabberd-facts.
test.each<StreamEnd>([
  { kind: 'stream-error', condition: 'not-authorized', text: '' },
  { kind: 'stream-error', condition: 'host-unknown', text: '' },
  { kind: 'stream-error', condition: 'conflict', text: '' },
  { kind: 'stream-error', condition: 'invalid-namespace', text: '' },
  { kind: 'closed' },
  socketError('ECONNREFUSED'),
  socketError('ERR_SSL_WRONG_VERSION_NUMBER'),
  socketError('CERT_HAS_EXPIRED'),
])('the guide quotes what the log says of %o', (end) => {
  const [cause = ''] = reportEnd(end).message.split('; ');
  expect(guide.replaceAll(/\s+/g, ' ')).toContain(`\`${cause}\``);
});
