/** What is read can't be taken apart from here on: nothing of it counts. */
export class BrokenInput extends Error {
  override readonly name = 'BrokenInput';
  /** The line that it was noticed on, from 1; undefined: no certain one. */
  readonly line: number | undefined;

  constructor(message: string, line?: number) {
    super(message);
    this.line = line;
  }
}

/** The most characters of one record, so that a quote or a bracket that is missing does not fill the memory. */
export const LONGEST_RECORD = 65_536;
