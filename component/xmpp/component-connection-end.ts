import type { LogFields } from '../runtime/logger.ts';
import type { FailureKind } from './reconnect-delay.ts';

/** Why a stream to the server ended, or never began. */
export type StreamEnd =
  /** No TCP connection or no valid TLS, or the connection broke. */
  | { readonly kind: 'socket-error'; readonly error: Error }
  /** Not online within the connect timeout. */
  | { readonly kind: 'connect-timeout' }
  /** RFC 6120 §4.9: the server closed the stream and said why. */
  | { readonly kind: 'stream-error'; readonly condition: string; readonly text: string }
  /** The server closed the stream or the socket without a reason. */
  | { readonly kind: 'closed' }
  /** What the server sent is not the stream of XEP-0114. */
  | { readonly kind: 'malformed'; readonly error: Error }
  /** One stanza was larger than we hold. */
  | { readonly kind: 'oversized'; readonly limit: number }
  /** A ping came not back in time: the server is dead, or the way to it. */
  | { readonly kind: 'unanswered'; readonly timeout: number }
  /** The server does not read what we write. */
  | { readonly kind: 'unread'; readonly limit: number }
  /** We closed it. */
  | { readonly kind: 'stopped' };

/** What the log says of an end, and which pause follows. */
export type EndReport = {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
  readonly failure: FailureKind;
};

/** Stream errors that last until a person mends something; the message names the cause and what to mend. */
const REFUSALS: ReadonlyMap<string, string> = new Map([
  [
    'conflict',
    'The XMPP server already has a connection for this component domain; stop the other gateway, ' +
      'or wait until the server has dropped the old connection',
  ],
  [
    'not-authorized',
    'The XMPP server refused the component secret; make the secret of the gateway and that of the server equal ' +
      '(Prosody: component_secret; ejabberd: password of the host below ejabberd_service, ' +
      'which also refuses a domain that is not among its hosts this way)',
  ],
  [
    'host-unknown',
    'The XMPP server does not know this component domain; add it there ' +
      '(Prosody: Component "domain"; ejabberd: hosts below ejabberd_service), or correct the domain of the gateway; ' +
      'the port must be the one for components (mostly 5347), not the one for clients (5222)',
  ],
]);

/** Certificates don't mend themselves either. */
const CERTIFICATE_CODE = /CERT|^ERR_TLS|^UNABLE_TO_|_ISSUER|_SIGNATURE/;

/** Describes an end for the log and for the pause after it. */
export function reportEnd(end: StreamEnd): EndReport {
  switch (end.kind) {
    case 'stream-error': {
      const { condition, text } = end;
      const fields = { condition, text };
      const message = REFUSALS.get(condition);
      if (message !== undefined) return refusal(message, fields);
      if (condition === 'system-shutdown') return warning('The XMPP server is shutting down', fields);
      return failure('The XMPP server closed the stream with an error', fields);
    }
    case 'socket-error':
      return reportSocketError(end.error);
    case 'connect-timeout':
      return warning('The XMPP server did not complete the connection in time', {});
    case 'closed':
      return warning('The XMPP server closed the connection', {});
    case 'malformed':
      return failure('The XMPP server sent something that is not a component stream', { error: end.error.message });
    case 'oversized':
      return failure('The XMPP server sent a stanza that is too large; the connection was closed', {
        limit: end.limit,
      });
    case 'unanswered':
      return warning('The XMPP server did not answer a ping; the connection was given up', { timeout: end.timeout });
    case 'unread':
      return failure('The XMPP server does not read; the connection was given up', { limit: end.limit });
    case 'stopped':
      return { level: 'info', message: 'The connection to the XMPP server is closed', fields: {}, failure: 'trouble' };
  }
}

function reportSocketError(error: Error): EndReport {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // The error of several addresses that all failed has no message of its own.
  const fields = { error: error.message || code, code };
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') {
    return refusal('The XMPP server does not speak TLS on this port; switch tls off, or correct the port', fields);
  }
  if (CERTIFICATE_CODE.test(code)) {
    return refusal("The XMPP server's certificate is not valid here; check its name, its dates and tls.ca", fields);
  }
  return warning('The connection to the XMPP server failed', fields);
}

function refusal(message: string, fields: LogFields): EndReport {
  return { level: 'error', message, fields, failure: 'refusal' };
}

function warning(message: string, fields: LogFields): EndReport {
  return { level: 'warn', message, fields, failure: 'trouble' };
}

function failure(message: string, fields: LogFields): EndReport {
  return { level: 'error', message, fields, failure: 'trouble' };
}
