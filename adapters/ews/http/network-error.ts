import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate } from 'node:tls';
import { CalendarSourceError } from '../../../component/calendar/calendar-source-error.ts';
import type { Instant } from '../../../component/runtime/clock.ts';

type Reading = { readonly text: string; readonly kind?: 'malformed' };

/** What an error code of Node, OpenSSL or undici means here, and what to mend. */
const readings: Readonly<Record<string, Reading>> = {
  EAI_AGAIN: { text: 'the name server does not answer: check DNS on this machine' },
  ECONNREFUSED: {
    text: 'nothing listens at that address and port: check both, and that the service (of Exchange: IIS) runs',
  },
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
  ANSWER_CODING: {
    text: 'the answer is compressed in a way that was not asked for: check the proxy',
    kind: 'malformed',
  },
  ANSWER_TOO_LARGE: { text: 'the answer is greater than the limit', kind: 'malformed' },
  Z_BUF_ERROR: { text: 'the compressed answer was cut short', kind: 'malformed' },
  Z_DATA_ERROR: { text: 'the compressed answer is damaged', kind: 'malformed' },

  CERT_HAS_EXPIRED: { text: "the server's certificate has expired: renew it" },
  CERT_NOT_YET_VALID: { text: "the server's certificate is not valid yet: check the clocks" },
  CERT_REVOKED: { text: "the server's certificate was revoked: replace it" },
  DEPTH_ZERO_SELF_SIGNED_CERT: {
    text: 'the certificate is self-signed: configure it as `caFile`, or give the server one',
  },
  EPROTO: { text: 'no TLS is spoken at that port, or none that we accept: check the port, and TLS 1.2 on the server' },
  ERR_SSL_WRONG_VERSION_NUMBER: { text: 'no TLS is spoken at that port: check URL and port' },
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: { text: 'no TLS version in common: enable TLS 1.2 on the server' },
  ERR_SSL_UNSUPPORTED_PROTOCOL: { text: 'no TLS version in common: enable TLS 1.2 on the server' },
  ERR_TLS_CERT_ALTNAME_INVALID: { text: 'the certificate is for other names: use one of its names in the URL' },
  SELF_SIGNED_CERT_IN_CHAIN: { text: "the certificate's authority is not known here: configure its root as `caFile`" },
  UNABLE_TO_GET_ISSUER_CERT: { text: "the certificate's authority is not known here: configure its root as `caFile`" },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: {
    text: "the certificate's authority is not known here: configure its root as `caFile`",
  },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: {
    text:
      "the certificate's authority is not known here: configure its root as `caFile`; or the server does not send its " +
      'intermediate certificates: install them there',
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

/** A certificate that was refused: with the code of Node or OpenSSL, and what is to be known of the certificate. */
class CertificateError extends Error {
  readonly code: string;
  /** For people: whose certificate it is, its date or its names. */
  readonly detail: string;

  constructor(cause: Error, code: string, detail: string) {
    super(cause.message, { cause });
    this.code = code;
    this.detail = detail;
  }
}

/**
 * Names the certificate for which a TLS connection failed; other failures stay as they are.
 *
 * @param shown what the server showed; of an expired chain the certificate is named whose time is over
 * @param now which of them that is
 */
export function certificateError(error: Error, shown: DetailedPeerCertificate, now: Instant): Error {
  const code = networkCode(error);
  const [leaf, ...issuers] = chainOf(shown);
  if (leaf === undefined) return error;
  switch (code) {
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID': {
      const isOver = (one: X509Certificate) => Date.parse(one.validTo) <= now;
      const isEarly = (one: X509Certificate) => Date.parse(one.validFrom) > now;
      const ended = code === 'CERT_HAS_EXPIRED';
      const refused = [leaf, ...issuers].find(ended ? isOver : isEarly) ?? leaf;
      const date = new Date(ended ? refused.validTo : refused.validFrom).toISOString().replace('.000', '');
      return new CertificateError(
        error,
        code,
        `${subjectOf(refused)}, ${ended ? 'valid until' : 'valid from'} ${date}`,
      );
    }
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return new CertificateError(error, code, `it is for ${namesOf(leaf)}`);
    default:
      return code in readings && !code.startsWith('E')
        ? new CertificateError(error, code, `${subjectOf(leaf)}, issued by ${oneLine(leaf.issuer)}`)
        : error;
  }
}

/** What went wrong in a connection, and what to mend. */
export function explainNetworkError(cause: unknown): string {
  const text = explainNetworkCode(networkCode(cause));
  return cause instanceof CertificateError ? `${text} (${cause.detail})` : text;
}

/**
 * A failure to get an answer at all: `unreachable`, or `malformed` when what came is not HTTP or too much of it.
 *
 * @param who what `host` is, for the message
 */
export function networkError(cause: unknown, host: string, who = 'Exchange at'): CalendarSourceError {
  const code = networkCode(cause);
  const kind = code.startsWith('HPE_') ? 'malformed' : (readings[code]?.kind ?? 'unreachable');
  return new CalendarSourceError(kind, `${who} ${host}: ${explainNetworkError(cause)}`, { code, cause });
}

/** The longest chain that is looked through; a server may show any. */
const LONGEST_CHAIN = 10;

/** The server's certificate and those of its issuers, as far as they are known. */
export function chainOf(shown: DetailedPeerCertificate): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  // The last one is its own issuer, or has none; a server that shows no certificate has an empty object.
  for (let one: DetailedPeerCertificate | undefined = shown; one?.raw !== undefined && chain.length < LONGEST_CHAIN; ) {
    chain.push(new X509Certificate(one.raw));
    one = one.issuerCertificate === one ? undefined : one.issuerCertificate;
  }
  return chain;
}

function subjectOf(certificate: X509Certificate): string {
  return oneLine(certificate.subject || namesOf(certificate));
}

/** For whom a certificate is, in words that its server chose. */
export function namesOf(certificate: X509Certificate): string {
  return oneLine(certificate.subjectAltName?.replaceAll(/(?:DNS|IP Address):/g, '') ?? certificate.subject);
}

/** A server chooses these words: they are cut. */
export function oneLine(text: string): string {
  return text.replaceAll('\n', ', ').slice(0, 200);
}
