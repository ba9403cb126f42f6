import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { challengeMessage } from './ntlm-vectors.ts';

export type SeenRequest = {
  /** Which of the server's sockets it came on, from 0. */
  readonly socket: number;
  /** `negotiate` and `authenticate` are steps of a handshake; `plain` goes without a header. */
  readonly step: 'negotiate' | 'authenticate' | 'plain';
  readonly scheme: string | undefined;
  readonly body: string;
};

export type ScriptedNtlmOptions = {
  /** The schemes that it offers. */
  readonly offers?: readonly string[];
  /** Whether an AUTHENTICATE_MESSAGE is accepted; the message itself is the business of other tests. */
  readonly accepts?: () => boolean;
  /** Whether a socket that was accepted once stays so (it does in IIS, unless authPersistSingleRequest is set). */
  readonly remembers?: boolean;
  /** Before an answer is sent. */
  readonly beforeAnswer?: (seen: SeenRequest, request: IncomingMessage, response: ServerResponse) => unknown;
  /** The answer to who is let in. */
  readonly answer?: (seen: SeenRequest, response: ServerResponse) => void;
};

/** A server that goes through the steps of NTLM over HTTP (MS-NTHT §3.2) and believes every answer to its challenge. */
export function scriptedNtlm(options: ScriptedNtlmOptions = {}) {
  const { offers = ['Negotiate', 'NTLM'], accepts = () => true, remembers = true } = options;
  const seen: SeenRequest[] = [];
  const sockets: Socket[] = [];
  const challenged = new Set<Socket>();
  const accepted = new Set<Socket>();
  const token = challengeMessage({ pairs: [{ id: 7, value: Buffer.alloc(8, 1) }] }).toString('base64');

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { socket } = request;
    if (!sockets.includes(socket)) sockets.push(socket);
    const [scheme, message = ''] = request.headers.authorization?.split(' ') ?? [];
    const type = Buffer.from(message, 'base64')[8];
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const entry: SeenRequest = {
      socket: sockets.indexOf(socket),
      step: type === 1 ? 'negotiate' : type === 3 ? 'authenticate' : 'plain',
      scheme,
      body: Buffer.concat(chunks).toString(),
    };
    seen.push(entry);
    await options.beforeAnswer?.(entry, request, response);
    if (response.writableEnded || socket.destroyed) return;

    if (entry.step === 'negotiate' && offers.includes(scheme ?? '')) {
      challenged.add(socket);
      refuse(response, [`${scheme} ${token}`]);
    } else if (
      (entry.step === 'plain' && accepted.has(socket)) ||
      (entry.step === 'authenticate' && challenged.delete(socket) && accepts())
    ) {
      if (remembers) accepted.add(socket);
      if (options.answer === undefined) response.end('welcome');
      else options.answer(entry, response);
    } else {
      refuse(response, offers);
    }
  };
  const listener: RequestListener = (request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  };
  return { listener, seen, sockets };
}

function refuse(response: ServerResponse, challenges: readonly string[]): void {
  response.writeHead(401, { 'www-authenticate': challenges as string[], 'content-type': 'text/html' });
  response.end('<html>401 - Unauthorized</html>');
}
