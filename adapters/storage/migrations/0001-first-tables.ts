import type { Migration } from './migration.ts';

/** Instants are epoch milliseconds, UTC. `steps` is JSON: [instant, "status", instant, "status", …]. */
export const firstTables: Migration = {
  name: 'first tables',
  sql: `
    CREATE TABLE subscriptions (
      contact TEXT NOT NULL,
      watcher TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('pending', 'subscribed')),
      since INTEGER NOT NULL,
      PRIMARY KEY (contact, watcher)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE mailboxes (
      mailbox TEXT NOT NULL PRIMARY KEY,
      fetched_at INTEGER,
      ends_at INTEGER,
      steps TEXT,
      gone_since INTEGER
    ) STRICT;

    CREATE TABLE said (
      contact TEXT NOT NULL PRIMARY KEY,
      said TEXT NOT NULL
    ) STRICT;
  `,
};
