// Storms through a real XMPP server: the gateway's, and those of a bare component that speaks to the same clients.

import { setTimeout as sleep } from 'node:timers/promises';
import { UNKNOWN } from '../../../component/presence/presence.ts';
import { presenceStanza } from '../../../component/xmpp/presence-stanza.ts';
import { startEjabberd } from '../../support/ejabberd.ts';
import { startExchangeSimulator } from '../../support/exchange-simulator/exchange-simulator.ts';
import type { GatewayProcess } from '../../support/gateway-process.ts';
import { ONLINE } from '../../support/house.ts';
import { startProsody } from '../../support/prosody.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import type { XmppServer } from '../../support/xmpp-server.ts';
import type { CrowdProcess } from './crowd-process.ts';
import { everyPair, type Watching } from './filled-database.ts';
import { forkHelper, type HelperProcess } from './helper-process.ts';
import { processorTime } from './processor-time.ts';
import type { RawWriter } from './raw-writer-process.ts';
import { COMPONENT, type Cycle, IN_A_MEETING, loopWatch, meetings, names, nextTurn } from './storm.ts';
import { startSubscribedGateway } from './subscribed-gateway.ts';

/** The bare component; as long as the gateway's, so that its stanzas are. */
export const RAW = { domain: 'rawfloor.example.test', secret: 'component-secret' };
/** No storm takes longer, or the round fails. */
const LIMIT = 60_000;

const servers = {
  prosody: (users: readonly string[]) =>
    startProsody({
      ...{ users, component: COMPONENT },
      extraComponentConfig: `Component "${RAW.domain}"\n  component_secret = "${RAW.secret}"`,
    }),
  ejabberd: (users: readonly string[]) => startEjabberd({ users, component: COMPONENT, moreComponents: [RAW] }),
};
export const serverNames = ['prosody', 'ejabberd'] as const;

export type ServerStormOptions = {
  readonly server: (typeof serverNames)[number];
  readonly contacts: number;
  readonly watchers: number;
  readonly rounds: number;
  /** Milliseconds: in each cycle meetings begin, end in its first third, and the other two are the bare component's. */
  readonly cycle: number;
  /** Whether the event loop is watched: that costs a thousand timers a second, so not where processor time counts. */
  readonly watchesLoop?: boolean;
  /** Who watches besides. */
  readonly others?: readonly Watching[];
};

export type Storm = {
  /** From the due instant to the last presence in a client's socket, in milliseconds. */
  readonly wall_ms: number;
  readonly per_s: number;
  /** What the process took of a processor for each, in microseconds, until then. */
  readonly cpu_us: number;
};

export interface ServerStorms {
  readonly server: XmppServer;
  readonly gateway: GatewayProcess;
  readonly writer: HelperProcess<RawWriter>;
  readonly loop: ReturnType<typeof loopWatch>;
  readonly contacts: readonly string[];
  /** The meetings begin. `meanwhile` is called at the due instant. */
  ours(meanwhile?: () => Promise<void>): Promise<Storm>;
  /** The bare component writes the same, in one call or in windows. */
  raw(manner: 'write' | 'writeInWindows'): Promise<Storm>;
  close(): Promise<void>;
}

export async function openServerStorms(options: ServerStormOptions): Promise<ServerStorms> {
  const users = names('watcher', options.watchers);
  const contacts = names('contact', options.contacts);
  const presences = contacts.length * users.length;
  const server = await servers[options.server](users);
  const closers: (() => unknown)[] = [() => server.remove()];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const folder = makeTempFolder();
    closers.push(() => folder.remove());
    const jids = users.map((user) => `${user}@${server.domain}`);
    const exchange = await startExchangeSimulator();
    closers.push(() => exchange.stop());
    const origin = Math.ceil(Date.now() / 1_000) * 1_000;
    const cycle: Cycle = { origin, length: options.cycle, meeting: options.cycle / 3 };
    // As many again as the rounds, for the time until the first.
    const booked = meetings(cycle, 2 * options.rounds + Math.ceil(60_000 / cycle.length) + 5);
    for (const contact of contacts) {
      const mailbox = `${contact}@${server.domain}`;
      exchange.calendars.addMailbox(mailbox);
      for (const meeting of booked) exchange.calendars.book(mailbox, meeting);
    }
    const crowd = forkHelper<CrowdProcess>(new URL('./crowd-process.ts', import.meta.url));
    closers.push(() => crowd.stop());
    await crowd.call(
      'logIn',
      users.map((username) => ({
        ...{ port: server.c2sPort, domain: server.domain, username, password: `${username}-secret` },
      })),
    );
    const writer = forkHelper<RawWriter>(new URL('./raw-writer-process.ts', import.meta.url));
    closers.push(() => writer.stop());
    await writer.call('connect', { port: server.componentPort, ...RAW });
    await writer.call('prepare', {
      ...{ stanzas: contacts.map(rawStanza), watchers: jids },
      ping: `<iq type='get' from='${RAW.domain}' to='${RAW.domain}' id='w'><ping xmlns='urn:xmpp:ping'/></iq>`,
    });
    await crowd.call('count', '<presence');
    const loop = loopWatch(folder);
    const gateway = await startSubscribedGateway({
      ...{ server, url: exchange.url, folder, env: options.watchesLoop ? loop.env : {}, watcherDomains: [RAW.domain] },
      subscriptions: [...everyPair(contacts, jids), ...(options.others ?? [])],
    });
    closers.push(() => gateway.remove());
    await gateway.waitForLog(ONLINE);
    // Everything is said once after the start: at 2,000 a second.
    await crowd.call('until', { times: presences, limit: LIMIT }).catch(() => undefined);

    const storm = async (pid: number, due: number, act: () => Promise<void> | undefined): Promise<Storm> => {
      await sleep(due - 500 - Date.now());
      await crowd.call('count', IN_A_MEETING);
      const cpu = processorTime(pid);
      const [{ last }] = await Promise.all([crowd.call('until', { times: presences, limit: LIMIT }), act()]);
      const wall = last - due;
      const spent = processorTime(pid) - cpu;
      return { wall_ms: wall, per_s: (presences / wall) * 1_000, cpu_us: (spent / presences) * 1_000 };
    };
    return {
      ...{ server, gateway, writer, loop, contacts, close },
      ours(meanwhile) {
        const due = nextTurn(cycle);
        return storm(gateway.pid, due, async () => {
          if (meanwhile === undefined) return;
          await sleep(due - Date.now());
          await meanwhile();
        });
      },
      raw(manner) {
        const due = nextTurn(cycle, (manner === 'write' ? 1 : 2) * cycle.meeting);
        return storm(writer.pid, due, () => writer.call(manner, due));
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What the gateway says when the meetings begin, from the bare component's domain. */
function rawStanza(contact: string): { head: string; tail: string } {
  const look = { available: true, show: 'dnd', status: { en: 'In a meeting' } } as const;
  return presenceStanza(contact, { ...UNKNOWN, look }, { domain: RAW.domain, language: 'en', priority: 0 });
}
