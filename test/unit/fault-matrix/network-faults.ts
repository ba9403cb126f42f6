// Faults of the network, and of whatever stands between.

import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { vi } from 'vitest';
import { MINUTE } from '../../../component/runtime/clock.ts';
import { makeAuthority } from '../../support/certificate.ts';
import { type FaultyExchange, PEOPLE } from './exchange.ts';
import type { Fault } from './fault.ts';
import { reset } from './front.ts';

const NAME = 'mail.exchange.test';
const authority = makeAuthority();
const good = authority.issue({ names: [NAME] });
const expired = authority.issue({ names: [NAME], expired: true });
const other = authority.issue({ names: ['other.test'] });
const overTls = { tls: { ...good, ca: authority.ca, host: NAME } };

/** What the name server says of the name. */
let isNameKnown = true;

/** Takes the name server's place, for connections and for the check. */
function resolveHere(): void {
  isNameKnown = true;
  const address = { address: '127.0.0.1', family: 4 };
  const unknown = (): Error => Object.assign(new Error(`getaddrinfo ENOTFOUND ${NAME}`), { code: 'ENOTFOUND' });
  type Done = (error: Error | null, found?: unknown, family?: number) => void;
  const lookup = dns.lookup as (host: string, options: { all?: boolean }, done: Done) => void;
  const lookHere: typeof lookup = (host, options, done) => {
    if (host !== NAME) lookup(host, options, done);
    else if (!isNameKnown) done(unknown());
    else if (options.all === true) done(null, [address]);
    else done(null, address.address, address.family);
  };
  vi.spyOn(dns, 'lookup').mockImplementation(lookHere as typeof dns.lookup);
  const askHere = (): Promise<unknown> => (isNameKnown ? Promise.resolve([address]) : Promise.reject(unknown()));
  vi.spyOn(dns.promises, 'lookup').mockImplementation(askHere as typeof dns.promises.lookup);
  // The imports by name follow.
  syncBuiltinESMExports();
}

/** Who is sent to that certificate's server meets it on a new connection. */
function shows(name: string, certificate: typeof good): Fault {
  return {
    name,
    exchange: { ...overTls, prepare: resolveHere },
    begin: ({ front }) => front.show(certificate),
    end: ({ front }) => front.show(good),
    check: 'tls error',
    cutsOff: PEOPLE,
  };
}

function answers(
  name: string,
  answer: NonNullable<FaultyExchange['front']['weather']['answer']>,
  check: Fault['check'] = 'authenticate error',
): Fault {
  return {
    name,
    begin: ({ front }) => {
      front.weather = { answer };
    },
    cutsOff: PEOPLE,
    check,
  };
}

export const networkFaults: readonly Fault[] = [
  {
    name: 'the proxy before Exchange is gone',
    begin: ({ front }) => front.refuse(),
    end: ({ front }) => front.accept(),
    check: 'connect error',
    cutsOff: PEOPLE,
  },
  {
    name: 'the host has no name any more',
    exchange: { ...overTls, prepare: resolveHere },
    begin: async ({ front }) => {
      isNameKnown = false;
      await front.show(good);
    },
    end: () => {
      isNameKnown = true;
    },
    check: 'resolve error',
    cutsOff: PEOPLE,
  },
  shows('the certificate expires', expired),
  shows('the certificate is for another name', other),
  answers(
    'reset before the answer',
    (_asked, { socket }) => {
      reset(socket);
      return true;
    },
    'http error',
  ),
  answers('reset within the body', (_asked, response) => {
    response.writeHead(200, { 'content-type': 'text/xml' });
    response.write('<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>', () =>
      reset(response.socket),
    );
    return true;
  }),
  answers(
    'closed without a word',
    (_asked, response) => {
      response.socket?.end();
      return true;
    },
    'http error',
  ),
  answers(
    'something that is not HTTP',
    (_asked, response) => {
      response.socket?.end('220 mail.example.com ESMTP\r\n');
      return true;
    },
    'http error',
  ),
  answers('502 from a proxy', (_asked, response) => {
    response.writeHead(502, { 'content-type': 'text/html' }).end('<html><body><h1>502 Bad Gateway</h1></body></html>');
    return true;
  }),
  answers('302 to another server’s EWS', (_asked, response) => {
    response.writeHead(302, { location: 'https://other.example.com/EWS/Exchange.asmx' }).end();
    return true;
  }),
  answers('451 to another server’s EWS', (_asked, response) => {
    response.writeHead(451, { 'x-ms-location': 'https://other.example.com/EWS/Exchange.asmx' }).end();
    return true;
  }),
  {
    ...answers('429 with Retry-After', (_asked, response) => {
      response.writeHead(429, { 'retry-after': '60' }).end();
      return true;
    }),
    wantsRest: MINUTE,
  },
];
