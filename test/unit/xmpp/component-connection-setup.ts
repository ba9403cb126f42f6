import type { Element } from '@xmpp/xml';
import { onTestFinished } from 'vitest';
import { ComponentConnection, type ComponentConnectionOptions } from '../../../component/xmpp/component-connection.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  FakeComponentServer,
  type FakeComponentServerOptions,
  type FakeStream,
  until,
} from '../../support/fake-component-server.ts';
import { type LogEntry, RecordingLogger } from '../../support/recording-logger.ts';

/** A connection to a scripted server, with a clock that stands still; all is cleared away when the test ends. */
export class Setup {
  readonly clock = new FakeClock(Date.UTC(2026, 0, 5, 9));
  readonly log: LogEntry[] = [];
  readonly stanzas: Element[] = [];
  /** The events in their order. */
  readonly events: string[] = [];
  readonly server: FakeComponentServer;
  readonly connection: ComponentConnection;

  constructor(server: FakeComponentServer, options: Partial<ComponentConnectionOptions>) {
    this.server = server;
    this.connection = new ComponentConnection({
      host: '127.0.0.1',
      port: server.port,
      domain: server.domain,
      secret: server.secret,
      clock: this.clock,
      logger: new RecordingLogger(this.log),
      random: () => 0.5,
      ...options,
    });
    this.connection.on('online', () => this.events.push('online'));
    this.connection.on('offline', () => this.events.push('offline'));
    this.connection.on('stanza', (stanza) => {
      this.events.push('stanza');
      this.stanzas.push(stanza);
    });
  }

  async online(): Promise<void> {
    await until(() => this.connection.isOnline, 'online');
  }

  async offline(): Promise<void> {
    await until(() => !this.connection.isOnline && this.events.at(-1) === 'offline', 'offline');
  }

  /** Waits for the nth line at `warn` or `error`: the report of the nth failed connection. */
  async failure(n: number): Promise<LogEntry> {
    const failures = () => this.log.filter(({ level }) => level === 'warn' || level === 'error');
    await until(() => failures().length > n, `failure ${n}`);
    return failures()[n] as LogEntry;
  }

  /** Lets the pause before the next connection pass. */
  skipPause(): void {
    const retryIn = this.log.findLast(({ fields }) => fields.retryIn !== undefined)?.fields.retryIn as number;
    this.clock.advance(retryIn);
  }
}

/** Makes the server and the connection, which is not started. */
export async function setUp(
  options: Partial<ComponentConnectionOptions> = {},
  serverOptions: FakeComponentServerOptions = {},
): Promise<Setup> {
  const setup = new Setup(await new FakeComponentServer(serverOptions).start(), options);
  onTestFinished(async () => {
    const stopped = setup.connection.stop(0);
    setup.clock.advance(10_000);
    await stopped;
    await setup.server.stop();
  });
  return setup;
}

/** As `setUp`, and waits until the connection is online. */
export async function setUpOnline(
  options: Partial<ComponentConnectionOptions> = {},
  serverOptions: FakeComponentServerOptions = {},
): Promise<Setup & { stream: FakeStream }> {
  const setup = await setUp(options, serverOptions);
  setup.connection.start();
  await setup.online();
  return Object.assign(setup, { stream: await setup.server.stream(0) });
}
