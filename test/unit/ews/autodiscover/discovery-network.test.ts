import { expect, test } from 'vitest';
import { discoveryNetwork } from '../../../../adapters/ews/autodiscover/discovery-network.ts';
import { systemClock } from '../../../../adapters/runtime/system-clock.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { authority, expiredServer, goodServer, otherServer } from '../http/certificates.ts';
import { serve } from '../http/local-server.ts';

const never = new AbortController().signal;

test('a page is asked for without a password, and its redirect is not followed', async () => {
  const seen: unknown[] = [];
  const { url } = await serve((request, response) => {
    seen.push(request.method, request.url, request.headers.authorization, request.headers.cookie);
    response.writeHead(302, { location: '/elsewhere', 'X-SOAP-Enabled': 'True' }).end('x'.repeat(1_000_000));
  }, goodServer);
  const network = discoveryNetwork({ clock: systemClock, ca: authority });
  const head = await network.get(new URL('/autodiscover/autodiscover.svc?a=b', url), never);
  expect(head.status).toBe(302);
  expect(head.headers.get('location')).toBe('/elsewhere');
  expect(head.headers.get('x-soap-enabled')).toBe('True');
  expect(seen).toEqual(['GET', '/autodiscover/autodiscover.svc?a=b', undefined, undefined]);
});

test.each([
  ['is for other names', otherServer],
  ['is over', expiredServer],
])('whose certificate %s is nobody', async (_what, certificate) => {
  const { url } = await serve((_request, response) => response.writeHead(401).end(), certificate);
  const network = discoveryNetwork({ clock: systemClock, ca: authority });
  await expect(network.get(new URL(url), never)).rejects.toMatchObject({ kind: 'unreachable' });
});

test('whose authority is not known is nobody', async () => {
  const { url } = await serve((_request, response) => response.writeHead(401).end(), goodServer);
  await expect(discoveryNetwork({ clock: systemClock }).get(new URL(url), never)).rejects.toMatchObject({
    kind: 'unreachable',
  });
});

test('a place that hangs is given up at the limit', async () => {
  const clock = new FakeClock(0);
  const { url } = await serve(() => clock.advance(10_000));
  await expect(discoveryNetwork({ clock }).get(new URL(url), never)).rejects.toMatchObject({ code: 'TIMEOUT' });
  expect(clock.pending).toBe(0);
});

test('a request ends with the reason of its signal', async () => {
  const abort = new AbortController();
  const reason = new Error('enough');
  const { url } = await serve(() => abort.abort(reason));
  await expect(discoveryNetwork({ clock: systemClock }).get(new URL(url), abort.signal)).rejects.toBe(reason);
});
