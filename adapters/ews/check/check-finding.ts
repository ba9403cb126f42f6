/** What a check looks at, in the order in which it does. */
export type CheckStep =
  | 'route'
  | 'autodiscover'
  | 'resolve'
  | 'connect'
  | 'proxy'
  | 'tls'
  | 'http'
  | 'clock'
  | 'token'
  | 'authenticate'
  | 'free-busy'
  | 'version'
  | 'impersonation'
  | 'streaming'
  | 'automatic-replies'
  | 'throttling'
  | 'handshake'
  | 'ping';

/**
 * - `ok`: as it should be
 * - `info`: worth knowing, or not checked
 * - `warning`: works, and should not stay so
 * - `error`: does not work
 */
export type Severity = 'ok' | 'info' | 'warning' | 'error';

/** What one step of a check found: what was seen, and what to do about it. Both hold no secret. */
export type CheckFinding = {
  /** Where it is not the server itself (EWS, XMPP) that was looked at. */
  readonly service?: 'autodiscover';
  readonly step: CheckStep;
  readonly severity: Severity;
  readonly seen: string;
  readonly advice?: string;
};

/** Findings as they are made. */
export type Findings = AsyncGenerator<CheckFinding, void, void>;

const order: readonly Severity[] = ['ok', 'info', 'warning', 'error'];

/** The worst of some severities; `ok` when there are none. */
export function worstOf(severities: Iterable<Severity>): Severity {
  let worst = 0;
  for (const severity of severities) worst = Math.max(worst, order.indexOf(severity));
  return order[worst] ?? 'ok';
}
