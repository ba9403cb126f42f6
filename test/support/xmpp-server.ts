import type { Watcher } from './xmpp-watcher.ts';

/** A private XMPP server for one test: free ports on loopback, a folder of its own. */
export interface XmppServer {
  readonly c2sPort: number;
  readonly componentPort: number;
  readonly domain: string;
  readonly component: { readonly domain: string; readonly secret: string };
  /** What it has logged. */
  log(): string;
  /** Stops it cleanly, keeping its data for `restart()`. */
  stop(): Promise<void>;
  /** Ends it with SIGKILL: its peers see the connection reset, nothing is said. */
  kill(): Promise<void>;
  /** Starts it again on the same ports with the same data; stops it before if it still runs. */
  restart(): Promise<void>;
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
  /** Deletes the account as its owner would, by in-band registration (XEP-0077 §3.2). */
  deleteUser(user: string): Promise<void>;
  /** Logs a user in with a real client. The caller stops it. */
  watcher(user: string, resource?: string): Promise<Watcher>;
}
