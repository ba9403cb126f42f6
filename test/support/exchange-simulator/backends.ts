// Which of several mailbox servers a request reaches, behind the one address that clients know.
// docs: Maintain affinity between a group of subscriptions and the Mailbox server in Exchange,
//       https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-maintain-affinity-between-group-of-subscriptions-and-mailbox-server
// From judgement: a request without both headers, or for an unknown anchor, lands anywhere; the cookies' contents.

import type { IncomingHttpHeaders } from 'node:http';

const OVERRIDE = 'X-BackEndOverrideCookie';

/** The mailbox servers, and the mailboxes that live on them. */
export class Backends {
  readonly #count: number;
  readonly #homes = new Map<string, number>();
  #random: number;

  /** @param seed decides where requests land that do not say where they belong */
  constructor(count: number, seed: number) {
    if (!(count >= 1)) throw new RangeError(`There can't be ${count} backends`);
    this.#count = count;
    this.#random = seed >>> 0;
  }

  get count(): number {
    return this.#count;
  }

  /** The name of a backend's machine. */
  name(backend: number): string {
    return `ex${String(backend + 1).padStart(2, '0')}.example.test`;
  }

  /** Where a mailbox lives. */
  home(mailbox: string): number {
    const address = mailbox.toLowerCase();
    return this.#homes.get(address) ?? hash(address) % this.#count;
  }

  /** Moves a mailbox's database to another backend. */
  move(mailbox: string, backend: number): void {
    if (!(backend >= 0 && backend < this.#count)) throw new RangeError(`There is no backend ${backend}`);
    this.#homes.set(mailbox.toLowerCase(), backend);
  }

  /**
   * Where a request lands: where its cookie says, or its anchor mailbox lives; both only for a request that prefers
   * affinity. Any other lands anywhere.
   *
   * @param knows whether there is such a mailbox
   */
  route(headers: IncomingHttpHeaders, knows: (mailbox: string) => boolean): number {
    if (this.#count === 1) return 0;
    if (isAffine(headers)) {
      const chosen = this.#overridden(headers.cookie);
      if (chosen !== undefined) return chosen;
      const anchor = String(headers['x-anchormailbox']);
      if (knows(anchor)) return this.home(anchor);
    }
    return this.#anywhere();
  }

  /** The cookies of an answer to Subscribe: the one that keeps affinity comes with the first of a group only. */
  cookies(headers: IncomingHttpHeaders, backend: number, isSecure: boolean): readonly string[] {
    const secure = isSecure ? '; secure' : '';
    const cookies = [`exchangecookie=${hash(this.name(backend)).toString(16).padStart(32, '0')}; path=/; HttpOnly`];
    if (!isAffine(headers)) return cookies;
    if (this.#overridden(headers.cookie) === undefined) {
      cookies.push(`${OVERRIDE}=${this.#token(backend)}; path=/${secure}; HttpOnly`);
    }
    const anchor = String(headers['x-anchormailbox']);
    cookies.push(`X-BackEndCookie=${anchor}=Ox8XKzcXLxg==; path=/EWS${secure}; HttpOnly`);
    return cookies;
  }

  #token(backend: number): string {
    return `${this.name(backend)}~${1_941_996_295 + backend}`;
  }

  #overridden(cookie: string | undefined): number | undefined {
    const pair = (cookie ?? '').split(/;\s*/).find((one) => one.toLowerCase().startsWith(`${OVERRIDE.toLowerCase()}=`));
    const value = pair?.slice(OVERRIDE.length + 1);
    for (let backend = 0; backend < this.#count; backend++) if (this.#token(backend) === value) return backend;
    return undefined;
  }

  /** A linear congruential generator: the same seed, the same places. */
  #anywhere(): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#random / 2 ** 32) * this.#count);
  }
}

function isAffine(headers: IncomingHttpHeaders): boolean {
  return headers['x-anchormailbox'] !== undefined && String(headers['x-preferserveraffinity']).toLowerCase() === 'true';
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 2_166_136_261;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 16_777_619) >>> 0;
  return value;
}
