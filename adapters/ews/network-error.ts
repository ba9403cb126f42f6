import { CalendarSourceError } from '../../component/calendar/calendar-source-error.ts';

type Reading = { readonly text: string; readonly kind?: 'malformed' };

/** What an error code of Node, OpenSSL or undici means here, and what to mend. */
const readings: Readonly<Record<string, Reading>> = {
  EAI_AGAIN: { text: 'the name server does not answer: check DNS on this machine' },
  ECONNREFUSED: { text: 'nothing listens at that address and port: check the URL, and that IIS runs' },
  ECONNRESET: { text: 'the server, or something on the way, cut the connection' },
  EHOSTUNREACH: { text: 'there is no route to the host: check network and firewall' },
  ENETUNREACH: { text: 'there is no route to the network: check network and firewall' },
  ENOTFOUND: { text: 'the host name is unknown: check the URL and DNS' },
  EPIPE: { text: 'the server, or something on the way, cut the connection' },
  ETIMEDOUT: { text: 'no connection in time: check firewall and address' },
  UND_ERR_BODY_TIMEOUT: { text: 'the answer stopped half-way' },
  UND_ERR_CLOSED: { text: 'the connections were closed on our side' },
  UND_ERR_CONNECT_TIMEOUT: { text: 'no connection in time: check firewall and address' },
  UND_ERR_DESTROYED: { text: 'the connections were closed on our side' },
  UND_ERR_HEADERS_TIMEOUT: { text: 'no answer in time: the server is overloaded or hangs' },
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: { text: 'the answer was cut short' },
  UND_ERR_SOCKET: { text: 'the server, or something on the way, cut the connection' },
  UND_ERR_HEADERS_OVERFLOW: { text: 'the answer has more headers than is sane', kind: 'malformed' },
  UND_ERR_RES_EXCEEDED_MAX_SIZE: { text: 'the answer is greater than the limit', kind: 'malformed' },

  CERT_HAS_EXPIRED: { text: "the server's certificate has expired: renew it" },
  CERT_NOT_YET_VALID: { text: "the server's certificate is not valid yet: check the clocks" },
  CERT_REVOKED: { text: "the server's certificate was revoked: replace it" },
  DEPTH_ZERO_SELF_SIGNED_CERT: { text: 'the certificate is self-signed: configure it as `ca`, or give the server one' },
  EPROTO: { text: 'no TLS is spoken at that port, or none that we accept: check the port, and TLS 1.2 on the server' },
  ERR_SSL_WRONG_VERSION_NUMBER: { text: 'no TLS is spoken at that port: check URL and port' },
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: { text: 'no TLS version in common: enable TLS 1.2 on the server' },
  ERR_SSL_UNSUPPORTED_PROTOCOL: { text: 'no TLS version in common: enable TLS 1.2 on the server' },
  ERR_TLS_CERT_ALTNAME_INVALID: { text: 'the certificate is for other names: use one of its names in the URL' },
  SELF_SIGNED_CERT_IN_CHAIN: { text: "the certificate's authority is not known here: configure its root as `ca`" },
  UNABLE_TO_GET_ISSUER_CERT: { text: "the certificate's authority is not known here: configure its root as `ca`" },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: {
    text: "the certificate's authority is not known here: configure its root as `ca`",
  },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: {
    text: 'the server does not send its intermediate certificates: install them there, or configure the root as `ca`',
  },
};

/** The code of a network failure, for people and for tests: `ECONNREFUSED`, `CERT_HAS_EXPIRED`, … */
export function networkCode(cause: unknown): string {
  if (cause instanceof AggregateError && cause.errors.length > 0) return networkCode(cause.errors[0]);
  const { code, name } = (cause ?? {}) as { code?: unknown; name?: unknown };
  if (typeof code === 'string') return code;
  // undici 7.30 leaves llhttp's code out of its HTTPParserError.
  return name === 'HTTPParserError' ? 'HPE_INVALID' : 'unknown';
}

/** What a code of `networkCode` means and what to mend. */
export function explainNetworkCode(code: string): string {
  if (code.startsWith('HPE_')) return 'what came back is not HTTP: check URL and port';
  return readings[code]?.text ?? `the connection failed (${code})`;
}

/** A failure to get an answer at all: `unreachable`, or `malformed` when what came is not HTTP or too much of it. */
export function networkError(cause: unknown, host: string): CalendarSourceError {
  const code = networkCode(cause);
  const kind = code.startsWith('HPE_') ? 'malformed' : (readings[code]?.kind ?? 'unreachable');
  return new CalendarSourceError(kind, `Exchange at ${host}: ${explainNetworkCode(code)}`, { code, cause });
}
