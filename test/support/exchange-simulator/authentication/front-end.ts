import { Account, type AccountSettings } from './account.ts';
import { Authentication, type Scheme } from './authentication.ts';
import { BearerTokens, type OAuthSettings } from './bearer-tokens.ts';
import { channelBindingHash } from './channel-binding.ts';
import type { ExtendedProtection } from './ntlm-connection.ts';

/** How the simulator asks who it is, and whom it lets in. */
export type FrontEndOptions = {
  /** PEM texts; HTTPS when given. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /**
   * The one account with a password; another simulator's: it is the same one, and its lock too.
   * Default: gateway, secret, of the domain EXAMPLE
   */
  readonly account?: AccountSettings | Account;
  /** What is offered, in this order; Exchange on premises has negotiate, ntlm, and often basic. Default: basic */
  readonly authentication?: readonly Scheme[];
  /** The channel binding of NTLM, as in IIS: ignored, verified when it is there, or demanded. Default: none */
  readonly extendedProtection?: ExtendedProtection;
  /** So many wrong passwords in a row, by Basic or NTLM, lock the account; 0: it is never locked. Default: 5 */
  readonly lockoutThreshold?: number;
  /** Milliseconds for which it stays locked. Default: 30 min */
  readonly lockoutDuration?: number;
  /** Whose tokens are good, for `bearer`. */
  readonly oauth?: OAuthSettings;
};

const MINUTE = 60_000;

/** @throws Error when `bearer` is offered and nobody's tokens are good */
export function makeFrontEnd(
  options: FrontEndOptions,
  now: () => number,
): { readonly account: Account; readonly authenticator: Authentication } {
  const { authentication: schemes = ['basic'], extendedProtection = 'none', tls, oauth } = options;
  const { lockoutThreshold: threshold = 5, lockoutDuration: duration = 30 * MINUTE } = options;
  if (schemes.includes('bearer') && oauth === undefined)
    throw new Error('`bearer` needs `oauth`: whose tokens are good');
  const settings = options.account ?? { username: 'gateway', password: 'secret' };
  const account = settings instanceof Account ? settings : new Account(settings, { threshold, duration }, now);
  const authenticator = new Authentication(account, {
    schemes,
    tokens: oauth === undefined ? undefined : new BearerTokens(oauth, now),
    extendedProtection,
    channelBinding: tls === undefined ? undefined : channelBindingHash(tls.cert),
    now,
  });
  return { account, authenticator };
}
