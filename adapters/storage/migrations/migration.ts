/** One step of the schema. Once released it is never edited: a later one mends what it got wrong. */
export type Migration = {
  /** What it does, for people. */
  readonly name: string;
  readonly sql: string;
};
