// Two columns: what the calendars say, and what Bob's client receives. 100 characters wide, plain text where it is read
// by a program, colours on a terminal.

import type { Instant } from '../../component/runtime/clock.ts';
import { entryAt, looks, UNAVAILABLE } from './expectation.ts';
import type { Heard } from './heard.ts';
import { type Person, people, type Status } from './story.ts';
import type { World } from './world.ts';

const LEFT = 46;
const INDENT = '         ';

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue';
const codes: Readonly<Record<Style, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34 };

export type ScreenOptions = {
  readonly write: (text: string) => void;
  readonly colours: boolean;
  readonly world: World;
};

const statuses: Readonly<Record<Status, string>> = {
  Free: 'Free',
  Tentative: 'Tentative',
  WorkingElsewhere: 'Working elsewhere',
  Busy: 'Busy',
  OOF: 'Out of office',
};

/** How long a change in a calendar waits for Bob's client before it is printed without, in real milliseconds. */
const PATIENCE = 400;

type Seen = { calendar: string; look: string; waitingSince: number | undefined };

export class Screen {
  readonly #options: ScreenOptions;
  readonly #seen = new Map<Person, Seen>();

  constructor(options: ScreenOptions) {
    this.#options = options;
  }

  line(text = ''): void {
    this.#options.write(`${text}\n`);
  }

  bold(text: string): string {
    return this.#paint(text, 'bold');
  }

  columns(): void {
    this.line();
    this.line(this.bold(`  time   ${'what the calendar in Exchange says'.padEnd(LEFT)}what Bob's client receives`));
    this.line(this.#paint(`  -----  ${'-'.repeat(LEFT - 2)}  ${'-'.repeat(43)}`, 'dim'));
  }

  /** Something that happens beside the calendars; more lines explain it. */
  note(at: Instant, ...lines: readonly string[]): void {
    lines.forEach((text, index) => {
      this.line(
        index === 0
          ? `  ${clockTime(at)}  ${this.#paint(`* ${text}`, 'blue')}`
          : `${INDENT}  ${this.#paint(text, 'dim')}`,
      );
    });
  }

  /** Bob's client received something: it stands beside what the calendar says at that moment. */
  received({ person, at, what }: Heard): void {
    if (person === undefined) {
      this.#row(at, '', what, false);
      return;
    }
    const calendar = this.#calendar(person, at);
    const seen = this.#seen.get(person);
    const isNews = seen?.calendar !== calendar || seen.waitingSince !== undefined;
    this.#seen.set(person, { calendar, look: what, waitingSince: undefined });
    const left = what === UNAVAILABLE && this.#options.world.isSilent ? '(Exchange is silent)' : calendar;
    this.#row(at, `${person}  ${left}`, `${person}  ${what}`, isNews);
  }

  /** Looks at the calendars: what changed there and shows nowhere is printed, too. Call it many times a second. */
  look(at: Instant, realNow: number): void {
    for (const person of people) {
      const seen = this.#seen.get(person);
      if (seen === undefined) continue;
      const calendar = this.#calendar(person, at);
      if (calendar !== seen.calendar) Object.assign(seen, { calendar, waitingSince: realNow });
      if (seen.waitingSince === undefined) continue;
      const status = entryAt(this.#options.world.entries, person, at)?.status ?? 'Free';
      const showsAlready = looks[status] === seen.look;
      if (!showsAlready && realNow - seen.waitingSince < PATIENCE) continue;
      seen.waitingSince = undefined;
      this.#row(at, `${person}  ${calendar}`, showsAlready ? `${person}  (nothing new: still ${seen.look})` : '', true);
    }
  }

  #calendar(person: Person, at: Instant): string {
    const entry = entryAt(this.#options.world.entries, person, at);
    if (entry === undefined) return statuses.Free;
    return `${statuses[entry.status]} until ${clockTime(entry.end)}: ${entry.subject}`;
  }

  #row(at: Instant, left: string, right: string, isNews: boolean): void {
    const cell = left.length < LEFT ? left.padEnd(LEFT) : `${left.slice(0, LEFT - 4)}... `;
    this.line(`  ${clockTime(at)}  ${isNews ? cell : this.#paint(cell, 'dim')}${this.#colour(right)}`.trimEnd());
  }

  #colour(text: string): string {
    if (text.includes('(')) return this.#paint(text, 'dim');
    if (text.includes(UNAVAILABLE)) return this.#paint(text, 'dim');
    if (text.includes('do not disturb')) return this.#paint(text, 'red');
    if (text.includes('away')) return this.#paint(text, 'yellow');
    return this.#paint(text, 'green');
  }

  #paint(text: string, style: Style): string {
    return this.#options.colours && text !== '' ? `\u001b[${codes[style]}m${text}\u001b[0m` : text;
  }
}

/** Hours and minutes where this machine is. */
export function clockTime(at: Instant): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes()].map((part) => String(part).padStart(2, '0')).join(':');
}

/** Whether to colour: on a terminal that can, unless the user asked for none (https://no-color.org). */
export function wantsColours(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  return isTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
}
