import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Credentials } from '../http/authentication.ts';
import { answerChallenge, type NtlmClient } from './answer-challenge.ts';
import { NtlmConnection, type NtlmHandshake } from './ntlm-connection.ts';
import { NtlmConnections } from './ntlm-connections.ts';
import { ntlmIdentity } from './ntlm-identity.ts';
import { encodeNegotiate, NTLM_FLAGS, parseChallenge } from './ntlm-messages.ts';

export type NtlmOptions = {
  /**
   * Whether each handshake over TLS is bound to the server's certificate, so that nobody can pass it on to another
   * server (Extended Protection). To be switched off where a proxy ends TLS and Exchange sees another certificate.
   */
  readonly channelBinding: boolean;
};

/**
 * Windows' own log-on, NTLM version 2 (MS-NLMP over MS-NTHT), which proves the identity of a connection.
 *
 * @param user `DOMAIN\user`, `user@domain`, or a user name alone
 * @throws RangeError when a text can't be used
 */
export function ntlmCredentials(user: string, password: string, options: NtlmOptions): Credentials {
  const identity = ntlmIdentity(user, password);
  return {
    scheme: 'ntlm',
    open(origin, poolOptions) {
      const targetName = `HTTP/${new URL(origin).hostname}`;
      const client = thisClient();
      const handshake: NtlmHandshake = {
        negotiate: encodeNegotiate(client.flags, client.version),
        authenticate: (challenge, channelBinding) =>
          answerChallenge({
            client,
            identity,
            challenge: parseChallenge(challenge),
            targetName,
            channelBinding,
            now: Date.now(),
            random: { challenge: randomBytes(8), sessionKey: randomBytes(16) },
          }),
      };
      return new NtlmConnections(
        poolOptions.connections ?? 1,
        () => new NtlmConnection({ origin, options: poolOptions, channelBinding: options.channelBinding, handshake }),
      );
    },
  };
}

/**
 * The flags are those of Windows' own client. HTTP has nothing that would be signed or sealed; the flags are offered for
 * servers whose policy asks for session security with 128 bits, and a key exchange without signing means different
 * things to different servers.
 */
function thisClient(): NtlmClient {
  const { unicode, requestTarget, sign, ntlm, alwaysSign, extendedSessionSecurity, targetInfo } = NTLM_FLAGS;
  const { key128, keyExchange, key56 } = NTLM_FLAGS;
  return {
    flags:
      unicode |
      requestTarget |
      sign |
      ntlm |
      alwaysSign |
      extendedSessionSecurity |
      targetInfo |
      key128 |
      keyExchange |
      key56,
    version: Buffer.alloc(8),
    // A NetBIOS name: 15 characters, in upper case.
    workstation: (hostname().split('.')[0] ?? '').slice(0, 15).toUpperCase(),
  };
}
