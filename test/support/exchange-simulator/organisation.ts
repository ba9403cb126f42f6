// Several Exchange servers that know the same people: where each mailbox lives, and what the server that it has left
// says of it.
// docs: ResponseCode (ErrorProxyRequestNotAllowed, ErrorMailRecipientNotFound, ErrorNonExistentMailbox),
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode
// From judgement: 451 with X-MS-Location, which is ActiveSync's; one mailbox that has moved redirects the whole request; impersonating one that has moved is refused
// with the same code that a batch has in its place.

import { Calendars } from './calendars.ts';
import { type HttpAnswer, htmlAnswer } from './http-answer.ts';
import type { SoapFault } from './soap.ts';

/**
 * What a server answers for a mailbox that has moved away from it: an error in the mailbox's place, or that there is no
 * such mailbox; a redirect of the whole request with 302 and Location, or 451 and X-MS-Location; or the mailbox's
 * answer, which it fetches from the other server.
 */
export type AfterMove = 'proxy-not-allowed' | 'not-found' | '302' | '451' | 'proxied';

/** One of the servers. */
export type Host = {
  /** …/EWS/Exchange.asmx */
  readonly url: string;
};

type Home = { readonly host: Host; readonly afterMove: AfterMove };

/** The servers of an organisation share their calendars. A mailbox that was never moved lives on the first of them. */
export class Organisation {
  readonly calendars = new Calendars();
  readonly #hosts: Host[] = [];
  readonly #homes = new Map<string, Home>();
  readonly #listeners: ((mailbox: string) => void)[] = [];

  /** Adds a server; `onMove` hears the addresses of mailboxes that move, in lower case. */
  join(host: Host, onMove: (mailbox: string) => void): void {
    this.#hosts.push(host);
    this.#listeners.push(onMove);
  }

  /** The server that has a mailbox. */
  home(mailbox: string): Host {
    const host = this.#homes.get(mailbox.toLowerCase())?.host ?? this.#hosts[0];
    if (host === undefined) throw new Error('The organisation has no server yet');
    return host;
  }

  /** @throws Error when there is no such mailbox, or the server is of another organisation */
  move(mailbox: string, host: Host, afterMove: AfterMove): void {
    if (!this.#hosts.includes(host)) throw new Error(`${host.url} belongs to another organisation`);
    if (this.calendars.access(mailbox) === undefined) throw new Error(`There is no mailbox ${mailbox}`);
    this.#homes.set(mailbox.toLowerCase(), { host, afterMove });
    for (const listener of this.#listeners) listener(mailbox.toLowerCase());
  }

  /** What `host` says in the place of a mailbox that lives elsewhere; undefined: it answers for it. */
  errorFor(mailbox: string, host: Host): SoapFault | undefined {
    switch (this.#moved(mailbox, host)?.afterMove) {
      case 'proxy-not-allowed': {
        const message = 'The mailbox is on another server, to which this one may not pass the request on.';
        return { code: 'ErrorProxyRequestNotAllowed', message };
      }
      case 'not-found':
        return {
          code: 'ErrorMailRecipientNotFound',
          message: `No object of the directory has the address ${mailbox}.`,
        };
      default:
        return undefined;
    }
  }

  /** Where `host` sends a whole request that concerns these mailboxes; undefined: nowhere. */
  redirectFor(mailboxes: readonly string[], host: Host): HttpAnswer | undefined {
    for (const mailbox of mailboxes) {
      const home = this.#moved(mailbox, host);
      if (home?.afterMove === '302') return htmlAnswer(302, 'Object moved', { location: home.host.url });
      if (home?.afterMove === '451') return { status: 451, headers: { 'x-ms-location': home.host.url } };
    }
    return undefined;
  }

  #moved(mailbox: string, host: Host): Home | undefined {
    if (this.#homes.size === 0) return undefined;
    const home = this.#homes.get(mailbox.toLowerCase());
    return home === undefined || home.host === host ? undefined : home;
  }
}
