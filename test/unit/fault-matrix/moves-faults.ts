// What goes wrong with Autodiscover, which stands at the old server, while that goes on serving calendars.

import { MINUTE } from '../../../component/runtime/clock.ts';
import type { AutodiscoverEntry } from '../../support/exchange-simulator/autodiscover/autodiscover-directory.ts';
import { addressOf } from './exchange.ts';
import type { Weather } from './front.ts';
import type { Moves } from './moves.ts';

export type AutodiscoverFault = {
  readonly name: string;
  readonly begin: (moves: Moves) => void;
  readonly end: (moves: Moves) => void;
  /** The pause of those who are looked for in vain, in milliseconds. */
  readonly backOff: number;
  /** What a check finds: the step, and words of it. */
  readonly step: string;
  readonly seen: RegExp;
};

const OPERATION = 'GetUserSettingsRequestMessage';
/** The longest of a budget's own. */
const SERVERS = 5 * 1.25 * MINUTE;
/** Of mailboxes whose trouble an administrator must mend. */
const PATIENT = 33 * MINUTE;

/** The front has an answer of its own to look-ups. */
function weather(name: string, answer: NonNullable<Weather['answer']>, more: Partial<AutodiscoverFault> = {}) {
  return {
    name,
    begin: ({ old }: Moves) => {
      old.front.weather = {
        answer: (asked, response) => asked.operation === OPERATION && answer(asked, response),
      };
    },
    end: ({ old }: Moves) => old.mend(),
    ...{ backOff: SERVERS, step: 'autodiscover', seen: /./ },
    ...more,
  };
}

/** The service says something of Dave that is not so. */
function says(name: string, entries: Readonly<Record<string, AutodiscoverEntry>>, seen: RegExp): AutodiscoverFault {
  return {
    name,
    begin: ({ old }) => {
      for (const [address, entry] of Object.entries(entries)) old.simulator.autodiscover.set(address, entry);
    },
    end: ({ old }) => {
      for (const address of Object.keys(entries)) old.simulator.autodiscover.delete(address);
    },
    ...{ backOff: PATIENT, step: 'autodiscover', seen },
  };
}

const dave = addressOf('dave');
const STRANGER = 'stranger.example.net';

export const autodiscoverFaults: readonly AutodiscoverFault[] = [
  weather('down', (_asked, response) => {
    response.destroy();
    return true;
  }),
  weather('503', (_asked, response) => {
    response.writeHead(503).end();
    return true;
  }),
  {
    ...weather('hanging', () => true),
    begin: ({ old }) => {
      old.hanging = (_origin, body) => body.includes(OPERATION);
      old.front.weather = { answer: ({ operation }) => operation === OPERATION };
    },
  },
  weather('garbage', (_asked, response) => {
    response.writeHead(200, { 'content-type': 'text/xml' }).end(`<a>${'\u0000<![CDATA['.repeat(1000)}`);
    return true;
  }),
  weather('a web page', (_asked, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!DOCTYPE html><html><body>Welcome</body></html>');
    return true;
  }),
  says(
    'leading in a circle',
    { [dave]: { redirectAddress: 'david@example.com' }, 'david@example.com': { redirectAddress: dave } },
    /circle/,
  ),
  says(
    'leading to a stranger',
    { [dave]: { redirectUrl: `https://${STRANGER}/autodiscover/autodiscover.svc` } },
    new RegExp(STRANGER),
  ),
  says(
    'naming a stranger',
    {
      [dave]: {
        settings: {
          ExternalEwsUrl: `https://${STRANGER}/EWS/Exchange.asmx`,
          InternalEwsUrl: `https://${STRANGER}/EWS/Exchange.asmx`,
        },
      },
    },
    new RegExp(STRANGER),
  ),
];
