import { firstTables } from './0001-first-tables.ts';
import { workingHours } from './0002-working-hours.ts';
import type { Migration } from './migration.ts';

/** All migrations in their order: the n-th leads to schema version n. */
export const migrations: readonly Migration[] = [firstTables, workingHours];
