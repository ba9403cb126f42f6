/** Tells somebody who waits how far a check has come: one line, which gives way to what is printed. */
export interface CheckProgress {
  started(place: string): void;
  finished(place: string): void;
  /** Prints something else where the line may stand. */
  around(print: () => void): void;
  /** Takes the line away for good. */
  end(): void;
}

export type CheckProgressOptions = {
  /** How many places there are. */
  readonly total: number;
  /** The terminal; undefined: there is none, and nothing is shown. */
  readonly terminal: Pick<NodeJS.WriteStream, 'columns' | 'write'> | undefined;
};

/** Back to the first column, and everything from there on away (ECMA-48 §8.3.41). */
const CLEAR = '\r\u001b[K';

export function createCheckProgress({ total, terminal }: CheckProgressOptions): CheckProgress {
  const underWay = new Set<string>();
  let finished = 0;
  let isShown = false;
  const clear = () => {
    if (isShown) terminal?.write(CLEAR);
    isShown = false;
  };
  const show = () => {
    if (terminal === undefined || underWay.size === 0) return;
    isShown = true;
    const text = `${finished} of ${total} checked; under way: ${[...underWay].join(', ')}`;
    // A line that wraps can't be taken away.
    const room = (terminal.columns || 80) - 1;
    terminal.write(`${CLEAR}${text.length <= room ? text : `${text.slice(0, room - 1)}…`}`);
  };
  return {
    started(place) {
      underWay.add(place);
      show();
    },
    finished(place) {
      underWay.delete(place);
      finished++;
      clear();
      show();
    },
    around(print) {
      clear();
      print();
      show();
    },
    end() {
      underWay.clear();
      clear();
    },
  };
}
