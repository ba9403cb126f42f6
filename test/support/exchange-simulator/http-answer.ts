// What goes over HTTP, and how badly.
// docs: RFC 9110 (status codes, Retry-After, WWW-Authenticate), RFC 9112 §8 (incomplete messages)

import { randomUUID } from 'node:crypto';
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

export type HttpAnswer = {
  readonly status: number;
  readonly headers?: HeaderFields;
  readonly body?: string;
  readonly manner?: Manner;
  /** Writes a body that goes on, instead of `body`; resolves when it has ended, or the connection has. */
  readonly live?: (response: ServerResponse) => Promise<void>;
};

/** Several values are several lines. */
export type HeaderFields = Readonly<Record<string, string | readonly string[]>>;

/** How the body is sent. */
export type Manner = 'whole' | 'cut' | { readonly pieces: number; readonly pause: number };

export const XML = { 'content-type': 'text/xml; charset=utf-8' };
const HTML = { 'content-type': 'text/html; charset=utf-8' };

export function htmlAnswer(status: number, title: string, headers: HeaderFields = {}): HttpAnswer {
  const body = `<!DOCTYPE html>\r\n<html><head><title>${title}</title><meta charset=utf-8></head><body><h2>${title}</h2><br></body></html>`;
  return { status, headers: { ...HTML, ...headers }, body };
}

/** The log-in page of Outlook on the web: what a front-end that authenticates by form puts before everything. */
export function loginPage(): HttpAnswer {
  const form =
    '<form action="/owa/auth.owa" method="POST"><input name="username"><input type=password name="password"></form>';
  return {
    status: 200,
    headers: HTML,
    body: `<!DOCTYPE HTML>\r\n<html><head><title>Outlook</title></head><body>${form}</body></html>`,
  };
}

/** Sends an answer; resolves when it is sent, or the client is gone. */
export async function sendAnswer(
  response: ServerResponse,
  { status, headers = {}, body = '', manner = 'whole', live }: HttpAnswer,
  context: { readonly now: number; readonly acceptsGzip: boolean },
): Promise<void> {
  if (response.destroyed) return;
  const compress = context.acceptsGzip && body !== '';
  const bytes = compress ? gzipSync(body, { level: 1 }) : Buffer.from(body);
  response.sendDate = false;
  const common = {
    date: new Date(context.now).toUTCString(),
    server: 'Microsoft-IIS/10.0',
    'cache-control': 'private',
    'request-id': randomUUID(),
    'x-feserver': 'EX01',
    ...(compress ? { 'content-encoding': 'gzip', vary: 'Accept-Encoding' } : {}),
    ...headers,
  };
  // An answer in full is chunked, as those of Exchange are.
  const isCounted = live === undefined && (bytes.length === 0 || manner === 'cut');
  const length = isCounted ? { 'content-length': String(bytes.length) } : {};
  response.writeHead(status, { ...common, ...length } as OutgoingHttpHeaders);
  if (live !== undefined) {
    await live(response);
    return;
  }
  if (manner === 'whole') response.end(bytes);
  else if (manner === 'cut') response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
  else await sendInPieces(response, bytes, manner);
}

async function sendInPieces(
  response: ServerResponse,
  bytes: Buffer,
  manner: { readonly pieces: number; readonly pause: number },
): Promise<void> {
  const size = Math.max(1, Math.ceil(bytes.length / manner.pieces));
  for (let at = 0; at < bytes.length; at += size) {
    if (at > 0) await waitUnlessGone(response, manner.pause);
    if (response.destroyed) return;
    response.write(bytes.subarray(at, at + size));
  }
  response.end();
}

/** Waits so many milliseconds, or until the connection is gone. */
export async function waitUnlessGone(response: ServerResponse, milliseconds: number): Promise<void> {
  const gone = new AbortController();
  const onClose = (): void => gone.abort();
  response.once('close', onClose);
  await pause(milliseconds, undefined, { signal: gone.signal }).catch(() => undefined);
  response.off('close', onClose);
}
