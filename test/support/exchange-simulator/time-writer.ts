// How instants are written: the many ways of it that servers have.
// docs: Working with time zones in EWS (Exchange 2007 wrote offsets, which change with the seasons; later versions write
//       the wall clock of the request's zone), CalendarEvent (StartTime),
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/starttime

import type { ResponseStyle } from './soap.ts';
import { type TimeZone, toWallClock } from './time-zone.ts';

const MINUTE = 60_000;

/** Writes instants in whole seconds; meetings share their times, so each is written once. */
export function timeWriter({ offsets }: Pick<ResponseStyle, 'offsets'>, zone: TimeZone): (instant: number) => string {
  const written = new Map<number, string>();
  const wallClock = wallClockOf(offsets, zone);
  return (instant) => {
    let text = written.get(instant);
    if (text === undefined) {
      const wall = wallClock(instant);
      const suffix = offsets === 'none' ? '' : offsets === 'zone' ? offsetText(wall - instant) : offsets;
      text = `${new Date(wall).toISOString().slice(0, 19)}${suffix}`;
      written.set(instant, text);
    }
    return text;
  };
}

function wallClockOf(offsets: ResponseStyle['offsets'], zone: TimeZone): (instant: number) => number {
  if (offsets === 'none' || offsets === 'zone') return (instant) => toWallClock(zone, instant);
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(offsets) ?? [];
  const shift = (sign === '-' ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * MINUTE;
  return (instant) => instant + shift;
}

function offsetText(shift: number): string {
  const minutes = Math.abs(shift) / MINUTE;
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${shift < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
