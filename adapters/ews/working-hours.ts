import type { WorkingHours, WorkingPeriod } from '../../component/calendar/working-hours.ts';
import type { ClockChange, ZoneRule } from '../../component/runtime/time-zone.ts';

/** More pieces, and longer ones, are not read: with seven periods there are a hundred. */
const MOST_PIECES = 200;
const LONGEST_PIECE = 100;
/** Of a day. */
const MINUTES = 24 * 60;
/** So many different ones are remembered. */
const MOST_KNOWN = 1000;

/**
 * Gathers a `WorkingHours` element (types.xsd): the mailbox's time zone, and when its owner works.
 *
 * Nearly all mailboxes of a server have the same: what was read last is known again by its pieces.
 *
 * https://learn.microsoft.com/exchange/client-developer/web-service-reference/workinghours-ex15websvcsotherref
 */
export class WorkingHoursReader {
  /** Of each element its name when it begins, and the text before its end. */
  readonly #pieces: string[] = [];

  add(piece: string): void {
    if (this.#pieces.length <= MOST_PIECES) this.#pieces.push(piece);
  }

  /** What was gathered, the same object for equal hours; undefined when it is not understood. */
  get hours(): WorkingHours | undefined {
    const pieces = this.#pieces;
    if (pieces.length === last.pieces.length && pieces.every((piece, index) => piece === last.pieces[index])) {
      return last.hours;
    }
    if (pieces.length > MOST_PIECES || pieces.some(({ length }) => length > LONGEST_PIECE)) return undefined;
    const written = pieces.map((piece) => piece.trim()).join('/');
    let found = known.get(written);
    if (found === undefined) {
      if (known.size >= MOST_KNOWN) known.clear();
      // Copies: a piece of a string keeps the whole, a chunk of the answer, in memory.
      found = { pieces: structuredClone(pieces), hours: parse(written) };
      known.set(written, found);
    }
    last = found;
    return last.hours;
  }
}

type Known = { readonly pieces: readonly string[]; readonly hours: WorkingHours | undefined };
let last: Known = { pieces: [], hours: undefined };
const known = new Map<string, Known>();

/** A change of the clocks in every year; one in a certain `Year` (on a day of the month) is none. */
const change = String.raw`t:Bias/(-?\d{1,4})/t:Time/(\d\d):(\d\d):\d\d/t:DayOrder/([0-5])/t:Month/(\d\d?)/t:DayOfWeek/(\w+)/(?:t:Year/0/)?`;
const zone = String.raw`t:TimeZone/t:Bias/(-?\d{1,4})/t:StandardTime/${change}/t:DaylightTime/${change}//`;
const period = String.raw`t:WorkingPeriod/t:DayOfWeek/([\w\s]+)/t:StartTimeInMinutes/(\d{1,4})/t:EndTimeInMinutes/(\d{1,4})//`;
const whole = new RegExp(`^${zone}t:WorkingPeriodArray/((?:${period.replaceAll('(', '(?:')})*)$`);

function parse(written: string): WorkingHours | undefined {
  const [all, bias, ...rest] = whole.exec(written) ?? [];
  if (all === undefined) return undefined;
  const standard = changeOf(rest.slice(0, 6));
  const daylight = changeOf(rest.slice(6, 12));
  const periods = [...(rest[12] ?? '').matchAll(new RegExp(period, 'g'))].map(periodOf);
  if (standard === undefined || daylight === undefined || periods.includes(undefined)) return undefined;
  if (Math.abs(Number(bias)) > MINUTES) return undefined;
  const rule: ZoneRule = { bias: Number(bias), standard, daylight };
  return { zone: rule, periods: periods.filter((one) => one !== undefined) };
}

function changeOf([bias, hours, minutes, order, month, day = '']: readonly string[]): ClockChange | undefined {
  const weekday = weekdays.indexOf(day);
  const minute = Number(hours) * 60 + Number(minutes);
  if (weekday < 0 || Math.abs(Number(bias)) > MINUTES || minute > MINUTES) return undefined;
  if (Number(month) > 12 || (Number(month) > 0 && order === '0')) return undefined;
  return { bias: Number(bias), month: Number(month), order: Number(order), weekday, minute };
}

function periodOf([, words = '', from, to]: readonly string[]): WorkingPeriod | undefined {
  const days = words.trim().split(/\s+/).map(daysOf);
  if (days.includes(undefined) || Math.max(Number(from), Number(to)) > MINUTES) return undefined;
  return { days: days.flatMap((some) => some ?? []), from: Number(from), to: Number(to) };
}

const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** DayOfWeekType has words for several days, too. */
function daysOf(word: string): readonly number[] | undefined {
  switch (word) {
    case 'Day':
      return [0, 1, 2, 3, 4, 5, 6];
    case 'Weekday':
      return [1, 2, 3, 4, 5];
    case 'WeekendDay':
      return [0, 6];
    default:
      return weekdays.includes(word) ? [weekdays.indexOf(word)] : undefined;
  }
}
