import type { Migration } from './migration.ts';

/** `hours` is JSON, as component/calendar/working-hours.ts has it. `steps` may now name several statuses, joined by +. */
export const workingHours: Migration = {
  name: 'working hours',
  sql: 'ALTER TABLE mailboxes ADD COLUMN hours TEXT;',
};
