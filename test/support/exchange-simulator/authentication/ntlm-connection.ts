// NTLM on one connection: a challenge is good for one answer, and a log-on for this connection only.
// docs: [MS-NTHT] §1.3, §2.2 (NTLM over HTTP); [MS-NLMP] §3.2.5 (server details); RFC 4559 §4 (Negotiate);
//       IIS extendedProtection, https://learn.microsoft.com/iis/configuration/system.webserver/security/authentication/windowsauthentication/extendedprotection/
//       From judgement: Negotiate takes the same messages as they are, and refuses Kerberos and SPNEGO; over plain http, `require` refuses everyone; a failed log-on leaves the connection open.

import { randomBytes } from 'node:crypto';
import type { Account } from './account.ts';
import {
  type Authenticate,
  av,
  flags,
  messageType,
  readAuthenticate,
  readNegotiateFlags,
  toFiletime,
  writeChallenge,
} from './ntlm-message.ts';
import { type Exchanged, hasRightMic, provesPassword, readNtlm2Response } from './ntlm-proof.ts';

/** As in IIS: whether the channel binding is ignored, verified when there is one, or demanded. */
export type ExtendedProtection = 'none' | 'allow' | 'require';

export type NtlmSettings = {
  readonly extendedProtection: ExtendedProtection;
  /** What MsvAvChannelBindings must hold; undefined on plain http. */
  readonly channelBinding: Buffer | undefined;
  /** Epoch milliseconds. */
  readonly now: () => number;
};

/** What a token led to: the next token for the client, a log-on, or nothing. */
export type NtlmOutcome = { readonly challenge: Buffer } | 'accepted' | 'refused';

const FLAGS =
  flags.requestTarget |
  flags.ntlm |
  flags.targetTypeDomain |
  flags.extendedSessionSecurity |
  flags.targetInfo |
  flags.version;
/** Given where the client offers them. */
const OPTIONAL_FLAGS = flags.sign | flags.seal | flags.alwaysSign | flags.key128 | flags.key56 | flags.keyExchange;

export class NtlmConnection {
  readonly #account: Account;
  readonly #settings: NtlmSettings;
  #pending: Omit<Exchanged, 'authenticate'> | undefined;

  constructor(account: Account, settings: NtlmSettings) {
    this.#account = account;
    this.#settings = settings;
  }

  /** Takes a NEGOTIATE_MESSAGE or an AUTHENTICATE_MESSAGE. */
  receive(token: Buffer): NtlmOutcome {
    const pending = this.#pending;
    this.#pending = undefined;
    try {
      switch (messageType(token)) {
        case 1:
          return this.#challenge(token);
        case 3:
          return pending !== undefined && this.#logOn({ ...pending, authenticate: token }) ? 'accepted' : 'refused';
        default:
          return 'refused';
      }
    } catch (error) {
      if (error instanceof RangeError) return 'refused';
      throw error;
    }
  }

  #challenge(negotiate: Buffer): NtlmOutcome {
    const offered = readNegotiateFlags(negotiate);
    const charset = (offered & flags.unicode) === 0 ? offered & flags.oem : flags.unicode;
    if (charset === 0) return 'refused';
    const serverChallenge = randomBytes(8);
    const challenge = writeChallenge({
      challenge: serverChallenge,
      flags: (FLAGS | charset | (offered & OPTIONAL_FLAGS)) >>> 0,
      domain: this.#account.domain,
      computer: 'EX01',
      dnsDomain: `${this.#account.domain.toLowerCase()}.test`,
      timestamp: toFiletime(this.#settings.now()),
    });
    this.#pending = { negotiate, challenge, serverChallenge };
    return { challenge };
  }

  #logOn(exchanged: Exchanged): boolean {
    const message = readAuthenticate(exchanged.authenticate);
    // LM and NTLMv1 are not looked at: the policy forbids them whatever the password, so they don't lock the account.
    if (readNtlm2Response(message.ntResponse) === undefined) return false;
    if (!this.#account.hasName(message.user, message.domain)) return false;
    let isWhole = true;
    const proves = (password: string): boolean => {
      const { now } = this.#settings;
      if (!provesPassword(message, exchanged, password, now())) return false;
      isWhole = hasRightMic(message, exchanged, password);
      return true;
    };
    return this.#account.logOn(proves) && isWhole && this.#isBound(message);
  }

  #isBound({ ntResponse }: Authenticate): boolean {
    const { extendedProtection, channelBinding } = this.#settings;
    if (extendedProtection === 'none') return true;
    const sent = readNtlm2Response(ntResponse)?.avPairs.get(av.channelBindings);
    // Sixteen zeros mean that the client has none.
    const hasNone = sent === undefined || sent.every((byte) => byte === 0);
    if (hasNone) return extendedProtection === 'allow';
    return channelBinding === undefined ? extendedProtection === 'allow' : sent.equals(channelBinding);
  }
}
