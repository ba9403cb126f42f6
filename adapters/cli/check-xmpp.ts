import { existsSync } from 'node:fs';
import type { Clock } from '../../component/runtime/clock.ts';
import { SECOND } from '../../component/runtime/clock.ts';
import type { EndReport } from '../../component/xmpp/component-connection-end.ts';
import { tryConnection } from '../../component/xmpp/component-connection-trial.ts';
import type { Configuration } from '../../config/schema.ts';
import type { CheckFinding, Findings } from '../ews/check/check-finding.ts';
import { checkNetwork } from '../ews/check/network-check.ts';
import { type DatabaseLock, lockDatabase } from '../storage/database-lock.ts';
import { StorageError } from '../storage/storage-error.ts';

export type XmppCheckOptions = {
  readonly xmpp: Configuration['xmpp'];
  /** The gateway's database, by whose lock it is seen whether the gateway runs. */
  readonly database: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

const LIMIT = 10 * SECOND;

/**
 * Checks the way to the XMPP server: name, connection, TLS, and, unless the gateway runs, whether the server knows the
 * component's domain and secret and hands us what is sent to it.
 *
 * @throws the signal's reason when aborted
 */
export async function* checkXmpp({ xmpp, database, clock, signal }: XmppCheckOptions): Findings {
  const { host, port, tls } = xmpp;
  const encryption = tls === undefined ? undefined : { ca: tls.ca, onlyCa: true };
  for await (const finding of checkNetwork({ host, port, tls: encryption, limit: LIMIT, clock, signal })) {
    yield withAdvice(finding);
    if (finding.severity === 'error') return;
  }
  const lock = lockUnlessRunning(database, xmpp.domain);
  if ('severity' in lock) {
    yield lock;
    return;
  }
  try {
    yield* checkHandshake(xmpp, clock);
  } finally {
    lock.release();
  }
}

/** What Exchange's administrator would do is of no use here. */
function withAdvice(finding: CheckFinding): CheckFinding {
  const advice = finding.severity === 'error' ? adviceOn[finding.step] : undefined;
  return advice === undefined ? finding : { ...finding, advice };
}

const adviceOn: Partial<Readonly<Record<CheckFinding['step'], string>>> = {
  resolve: 'Check xmpp.host, and DNS on this machine',
  connect:
    'Check xmpp.host and xmpp.port, the firewall, and that the XMPP server runs and listens for components there ' +
    '(Prosody: component_ports, component_interfaces; ejabberd: the listener ejabberd_service)',
  tls:
    'Check the name, the dates and the authority of the certificate (tls: caFile), and that TLS is spoken at this port ' +
    '(Prosody has none for components; ejabberd: tls: true at the listener ejabberd_service)',
};

async function* checkHandshake(xmpp: Configuration['xmpp'], clock: Clock): Findings {
  const { host, port, tls, plaintext, domain, secret } = xmpp;
  const trial = await tryConnection({ host, port, tls, plaintext, domain, secret, clock, timeout: LIMIT });
  if (trial.reached === 'nothing') {
    yield failure('handshake', trial.end);
    return;
  }
  yield { step: 'handshake', severity: 'ok', seen: `the server knows ${domain} and accepts the secret` };
  yield trial.reached === 'ping'
    ? { step: 'ping', severity: 'ok', seen: `what is sent to ${domain} comes back by the server` }
    : failure('ping', trial.end);
}

/** The message names the cause and, after a semicolon, what to mend; the fields hold the server's own words. */
function failure(step: 'handshake' | 'ping', { message, fields }: EndReport): CheckFinding {
  const [cause = message, ...advice] = message.split('; ');
  const facts = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '');
  const details = facts.map(([name, value]) => `${name}: ${String(value).slice(0, 200)}`).join(', ');
  return {
    ...{ step, severity: 'error', seen: details === '' ? cause : `${cause} (${details})` },
    advice: advice.length > 0 ? upperFirst(advice.join('; ')) : 'See what the log of the XMPP server says of it',
  };
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * Keeps a gateway from starting for the moment of the handshake: ejabberd would accept both connections, and split the
 * stanzas between them. A finding instead of the lock when one runs already, or that can't be told.
 */
function lockUnlessRunning(database: string, domain: string): DatabaseLock | CheckFinding {
  // Where there is no lock none ever ran; and to leave one behind that is not the gateway's would keep it from starting.
  if (!existsSync(`${database}.lock`)) return { release() {} };
  try {
    return lockDatabase(database);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    if (error.kind === 'in-use') {
      const seen = `not checked: the gateway is running and connected as ${domain}; its log tells how that goes`;
      return { step: 'handshake', severity: 'info', seen };
    }
    return {
      ...{ step: 'handshake', severity: 'warning' },
      seen: `not checked: whether the gateway is running can't be told (${error.message})`,
      advice: 'Check as the user that the gateway runs as, or as root',
    };
  }
}
