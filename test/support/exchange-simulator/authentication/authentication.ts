// Who asks: what IIS and Exchange's front-end do before a request is looked at.
// docs: RFC 9110 §11 (401, WWW-Authenticate), RFC 7617 (Basic), [MS-NTHT] (NTLM over HTTP);
//       Authentication and EWS in Exchange, https://learn.microsoft.com/exchange/client-developer/exchange-web-services/authentication-and-ews-in-exchange

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Authenticated, Authenticator } from '../authenticator.ts';
import { type HttpAnswer, htmlAnswer } from '../http-answer.ts';
import type { Account } from './account.ts';
import type { BearerTokens } from './bearer-tokens.ts';
import { NtlmConnection, type NtlmSettings } from './ntlm-connection.ts';

export type Scheme = 'basic' | 'ntlm' | 'negotiate' | 'bearer';

type Settings = NtlmSettings & {
  /** In the order of their WWW-Authenticate headers. */
  readonly schemes: readonly Scheme[];
  /** For `bearer`. */
  readonly tokens: BearerTokens | undefined;
};

/** Lets the account in by the schemes that are on, and applications by their tokens. */
export class Authentication implements Authenticator {
  readonly #account: Account;
  readonly #settings: Settings;
  readonly #handshakes = new WeakMap<Socket, NtlmConnection>();
  readonly #authenticated = new WeakSet<Socket>();

  constructor(account: Account, settings: Settings) {
    this.#account = account;
    this.#settings = settings;
  }

  async authenticate({ headers, socket }: IncomingMessage): Promise<Authenticated> {
    const [, word = '', credentials = ''] = /^(\S+) *(.*)$/.exec(headers.authorization ?? '') ?? [];
    if (word === '') return this.#authenticated.has(socket) ? this.#known() : this.#refuse('none');
    // Whoever sends credentials wants to be known by them, whatever the connection was before.
    this.#authenticated.delete(socket);
    const scheme = this.#settings.schemes.find((one) => one === word.toLowerCase());
    switch (scheme) {
      case undefined:
        return this.#refuse('wrong');
      case 'basic':
        return this.#hasBasic(credentials) ? this.#known() : this.#refuse('wrong');
      case 'ntlm':
      case 'negotiate':
        return this.#negotiate(word, credentials, socket);
      case 'bearer':
        return await this.#bearer(credentials);
    }
  }

  /** A 401 with its challenges, as also a fault sends it. */
  challenge(): HttpAnswer {
    return this.#unauthorized(this.#challenges());
  }

  #known(): Authenticated {
    return { authorization: 'ok', account: this.#account.username };
  }

  #hasBasic(credentials: string): boolean {
    const text = Buffer.from(credentials, 'base64').toString();
    const colon = text.indexOf(':');
    if (colon < 0 || !this.#account.hasName(text.slice(0, colon))) return false;
    return this.#account.logOn((password) => text.slice(colon + 1) === password);
  }

  #negotiate(word: string, credentials: string, socket: Socket): Authenticated {
    const handshake = this.#handshakes.get(socket) ?? new NtlmConnection(this.#account, this.#settings);
    this.#handshakes.set(socket, handshake);
    const outcome = handshake.receive(Buffer.from(credentials, 'base64'));
    if (outcome === 'accepted') {
      this.#authenticated.add(socket);
      return this.#known();
    }
    if (outcome === 'refused') return this.#refuse('wrong');
    // While a handshake is under way only its own next step is offered.
    const challenge = `${word} ${outcome.challenge.toString('base64')}`;
    return { authorization: 'handshake', account: '', answer: this.#unauthorized([challenge]) };
  }

  async #bearer(token: string): Promise<Authenticated> {
    const { tokens } = this.#settings;
    if (tokens === undefined) return this.#refuse('wrong');
    const judged = await tokens.judge(token);
    if ('application' in judged) return { authorization: 'ok', account: judged.application, isApplication: true };
    const challenges = this.#challenges().map((one) =>
      one.startsWith('Bearer ') ? `${one}, error="invalid_token"` : one,
    );
    const { code, reason, category } = judged;
    const diagnostics = `${code};reason="${reason}";error_category="${category}"`;
    return {
      authorization: 'wrong',
      account: '',
      answer: this.#unauthorized(challenges, { 'x-ms-diagnostics': diagnostics }),
    };
  }

  #refuse(authorization: 'none' | 'wrong'): Authenticated {
    return { authorization, account: '', answer: this.challenge() };
  }

  #challenges(): readonly string[] {
    const { schemes, tokens } = this.#settings;
    const forScheme = {
      basic: 'Basic realm="127.0.0.1"',
      ntlm: 'NTLM',
      negotiate: 'Negotiate',
      bearer: `Bearer ${tokens?.challenge ?? ''}`,
    };
    return schemes.map((scheme) => forScheme[scheme]);
  }

  #unauthorized(challenges: readonly string[], others: Readonly<Record<string, string>> = {}): HttpAnswer {
    const { headers, ...answer } = htmlAnswer(401, '401 - Unauthorized: Access is denied.', others);
    return { ...answer, headers: { ...headers, 'www-authenticate': challenges } };
  }
}
