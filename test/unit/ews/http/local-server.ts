import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { basicCredentials } from '../../../../adapters/ews/http/authentication.ts';
import {
  createEwsTransport,
  type EwsTransport,
  type EwsTransportOptions,
} from '../../../../adapters/ews/http/ews-transport.ts';
import { systemClock } from '../../../../adapters/runtime/system-clock.ts';

/** A server for one test, on 127.0.0.1; it is gone when the test ends. */
export async function serve(
  listener: RequestListener,
  tls?: { readonly key: string; readonly cert: string },
): Promise<{ readonly url: string; readonly server: Server }> {
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/EWS/Exchange.asmx`, server };
}

/** A transport for one test. */
export function openTransport(url: string, options: Partial<EwsTransportOptions> = {}): EwsTransport {
  const credentials = basicCredentials('gateway', 'secret');
  const transport = createEwsTransport({ url, credentials, connections: 4, clock: systemClock, ...options });
  onTestFinished(() => transport.close());
  return transport;
}

/** Posts, and collects the answer's text. */
export async function post(transport: EwsTransport, signal: AbortSignal = new AbortController().signal) {
  let text = '';
  const answer = await transport.post({ body: '<question/>', signal }, (chunk) => {
    text += chunk;
  });
  return { ...answer, text };
}
