// Faults of NTLM's handshake, which proves the identity of a connection: whatever stands between must keep connections
// alive and apart.

import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { SECOND } from '../../../component/runtime/clock.ts';
import { flags, toFiletime, writeChallenge } from '../../support/exchange-simulator/authentication/ntlm-message.ts';
import { type FaultyExchange, PEOPLE, START } from './exchange.ts';
import type { Fault } from './fault.ts';
import { type Asked, reset, type Weather } from './front.ts';

const exchange = { scheme: 'ntlm' } as const;

/** Connections that are proven are gone, and what begins anew has this weather. */
function shaking(name: string, weather: Weather, more: Partial<Fault> = {}): Fault {
  const begin = ({ front }: FaultyExchange): void => {
    front.weather = weather;
    front.hangUp();
  };
  return { name: `NTLM: ${name}`, exchange, begin, cutsOff: PEOPLE, ...more };
}

/** This in place of the answer to one step; the others go through. */
function at(step: Asked['ntlm'], answer: (response: ServerResponse) => void): Weather {
  return {
    answer: ({ ntlm }, response) => {
      if (ntlm !== step) return false;
      answer(response);
      return true;
    },
  };
}

function challenge(offered: number = usual): string {
  const parts = { challenge: randomBytes(8), domain: 'EXAMPLE', computer: 'EX01', dnsDomain: 'example.test' };
  return `NTLM ${writeChallenge({ ...parts, flags: offered >>> 0, timestamp: toFiletime(START) }).toString('base64')}`;
}
const usual = flags.unicode | flags.ntlm | flags.targetInfo | flags.requestTarget | flags.targetTypeDomain;

function unauthorized(response: ServerResponse, authenticate: string | readonly string[], connection?: 'close'): void {
  const headers = { 'www-authenticate': authenticate as string, ...(connection !== undefined && { connection }) };
  response.writeHead(401, headers).end();
}

const passing: Partial<Fault> = { cutsOff: [], isAbsorbed: true, check: 'version info' };
const refused: Partial<Fault> = { needsOperator: true };

export const ntlmFaults: readonly Fault[] = [
  shaking('all connections are gone', {}, passing),
  shaking(
    'reset after the first message',
    at('negotiate', ({ socket }) => reset(socket)),
  ),
  shaking(
    'closed after the first message',
    at('negotiate', ({ socket }) => socket?.end()),
  ),
  shaking(
    'no answer to the first message, ever',
    at('negotiate', () => {}),
    { hangs: () => true, lingers: 90 * SECOND },
  ),
  shaking(
    'the connection is closed with the challenge',
    at('negotiate', (response) => unauthorized(response, challenge(), 'close')),
  ),
  shaking(
    'reset after the last message',
    at('authenticate', ({ socket }) => reset(socket)),
  ),
  shaking(
    'a challenge that is none',
    at('negotiate', (response) => unauthorized(response, `NTLM ${randomBytes(64).toString('base64')}`)),
  ),
  shaking(
    'a challenge of version 1',
    at('negotiate', (response) => unauthorized(response, challenge(usual & ~flags.targetInfo))),
    refused,
  ),
  shaking(
    'one challenge after the other',
    {
      answer: ({ ntlm }, response) => {
        unauthorized(response, ntlm === undefined ? 'NTLM' : challenge());
        return true;
      },
    },
    refused,
  ),
  shaking(
    'it is switched off',
    {
      answer: (_asked, response) => {
        unauthorized(response, ['Negotiate', 'Basic realm="mail.example.com"']);
        return true;
      },
    },
    refused,
  ),
  shaking('a proxy in between shares its connections among all', { upstream: 'shared' }, refused),
  shaking('a proxy in between keeps no connection', { upstream: 'new' }, refused),
  {
    name: 'NTLM: 401 once',
    exchange,
    begin: ({ simulator }) => simulator.faults.set({ kind: 'unauthorized', times: 1 }),
    isAbsorbed: true,
    sparesStreams: true,
  },
  {
    name: 'NTLM: 401 for ever, the account is disabled',
    exchange,
    begin: ({ simulator }) => simulator.faults.set({ kind: 'unauthorized' }),
    cutsOff: PEOPLE,
    ...refused,
  },
  {
    name: 'NTLM: the password is another one now',
    exchange,
    begin: ({ simulator, front }) => {
      simulator.account.changePassword('another');
      front.hangUp();
    },
    end: ({ simulator }) => simulator.account.changePassword('secret'),
    cutsOff: PEOPLE,
    ...refused,
  },
];
