import { z } from 'zod';
import { MINUTE } from '../../component/runtime/clock.ts';
import { isLoopback } from '../../component/runtime/loopback.ts';
import { oneSecret, together } from './section.ts';
import { domain, duration, host, text, whole } from './values.ts';

const certificates = text('the name of a PEM file');

export const xmppSchema = z
  .strictObject({
    host: host().default('localhost').describe('The XMPP server: a name or an address.'),
    port: whole(1, 65_535).default(5347).describe("The XMPP server's port for components."),
    domain: domain().describe("The component's own domain: contacts are alice@<domain>."),
    secret: text('text').optional().describe('The secret shared with the XMPP server; better: secretFile.'),
    secretFile: text('a file name').optional().describe('A file that holds the secret and nothing else.'),
    tls: z
      .union([z.boolean(), z.strictObject({ caFile: certificates.describe('The authority to trust, as PEM.') })], {
        error: 'true, false, or a mapping with caFile',
      })
      .default(false)
      .describe('Whether the connection is encrypted from its first byte on (ejabberd). Prosody has no TLS here.'),
    plaintext: z
      .boolean()
      .default(false)
      .describe('Allows an unencrypted connection to a host that is not this machine.'),
    window: whole(100, 10_000)
      .default(500)
      .describe('Stanzas between two acknowledgements; at most two such windows are under way.'),
    repeatRate: whole(1, 100_000)
      .default(2000)
      .describe('Presences a second when all is said again after a reconnection.'),
    spread: duration(0, 5 * MINUTE)
      .prefault('0s')
      .describe('Over how long what changes in one second is told, each contact at a time of its own.'),
    stopTimeout: duration(0, 10 * MINUTE)
      .prefault('30s')
      .describe('How long a stop may take.'),
    onStop: z
      .enum(['withdraw', 'keep'])
      .default('withdraw')
      .describe(
        'What contacts show after a clean stop: nothing (withdraw), or what they showed (keep: for an upgrade).',
      ),
  })
  .check(
    together((xmpp, report) => {
      oneSecret(xmpp, 'secret', report);
      if (xmpp.tls === false && xmpp.plaintext === false && typeof xmpp.host === 'string' && !isLoopback(xmpp.host)) {
        report(['host'], 'this machine (localhost), or tls: true, or plaintext: true to send everything unencrypted');
      }
    }),
  )
  .transform(({ secret, secretFile, tls, ...rest }) => ({
    ...rest,
    /** Read from its file already. */
    secret: secret ?? secretFile ?? '',
    /** Undefined: plain text. `ca` is PEM text. */
    tls: tlsOptions(tls),
  }));

function tlsOptions(tls: boolean | { caFile: string }): { ca?: string } | undefined {
  if (tls === false) return undefined;
  return tls === true ? {} : { ca: tls.caFile };
}
