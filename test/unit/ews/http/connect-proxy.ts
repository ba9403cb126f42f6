import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export type ConnectProxy = {
  readonly url: string;
  /** What was asked for: `host:port` of each CONNECT. */
  readonly asked: readonly string[];
  readonly server: Server;
  /** Connections of clients that are open now. */
  readonly open: ReadonlySet<Socket>;
};

type Options = {
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
  /** Answers itself, instead of opening a tunnel, where it returns true. */
  readonly refuse?: ((request: IncomingMessage, socket: Socket) => boolean) | undefined;
  /** Where a tunnel to a host leads in truth: its port on this machine. */
  readonly routes?: Readonly<Record<string, number>> | undefined;
};

/** An HTTP proxy for one test, which opens tunnels (RFC 9110 §9.3.6) on this machine. */
export async function startConnectProxy({ tls, refuse, routes = {} }: Options = {}): Promise<ConnectProxy> {
  const asked: string[] = [];
  const open = new Set<Socket>();
  const server = tls === undefined ? createServer() : createTlsServer(tls);
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {});
    // A web server leaves its half open.
    socket.on('end', () => socket.destroy()).on('close', () => open.delete(socket));
  });
  server.on('connect', (request, socket: Socket, head) => {
    asked.push(request.url ?? '');
    socket.resume();
    if (refuse?.(request, socket)) return;
    const url = new URL(`tcp://${request.url}`);
    const target = connect(routes[url.hostname] ?? Number(url.port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.write(head);
      target.pipe(socket).pipe(target);
    });
    target.on('error', () => socket.destroy()).on('close', () => socket.destroy());
    socket.on('close', () => target.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, asked, open, server };
}
