import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { DAY, type Instant } from '../../../component/runtime/clock.ts';
import { chainOf, explainNetworkCode, namesOf, oneLine } from '../http/network-error.ts';
import type { CheckFinding } from './check-finding.ts';

/** A certificate that ends sooner, in days, is worth a word. */
const SOON = 21;

/** What a TLS connection shows, which was opened whether or not the certificate is good. */
export function certificateFinding(socket: TLSSocket, now: Instant): CheckFinding {
  const chain = chainOf(socket.getPeerCertificate(true));
  const [leaf] = chain;
  if (leaf === undefined) return { step: 'tls', severity: 'error', seen: 'the server shows no certificate' };
  const first = chain.reduce((one, other) => (endOf(other) < endOf(one) ? other : one));
  const seen =
    `${socket.getProtocol()}, certificate for ${namesOf(leaf)}, issued by ${oneLine(leaf.issuer)}, ` +
    `${endingOf(leaf, now)}${first === leaf ? '' : `; its issuer ${oneLine(first.subject)} ${endingOf(first, now)}`}`;
  if (!socket.authorized) {
    // Node declares an Error here, and hands out its code.
    const code = String(socket.authorizationError);
    const advice = explainNetworkCode(code);
    return {
      step: 'tls',
      severity: 'error',
      seen: `${seen}; not trusted: ${code}`,
      advice: advice.charAt(0).toUpperCase() + advice.slice(1),
    };
  }
  return (endOf(first) - now) / DAY < SOON
    ? { step: 'tls', severity: 'warning', seen, advice: 'Renew the certificate before it ends' }
    : { step: 'tls', severity: 'ok', seen };
}

function endOf({ validTo }: X509Certificate): Instant {
  return Date.parse(validTo);
}

function endingOf(certificate: X509Certificate, now: Instant): string {
  const end = endOf(certificate);
  const date = new Date(end).toISOString().slice(0, 16).replace('T', ' ');
  return end <= now ? `expired on ${date} UTC` : `valid until ${date} UTC, ${Math.floor((end - now) / DAY)} days left`;
}
