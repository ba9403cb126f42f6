import { isIP } from 'node:net';
import { z } from 'zod';
import { DAY, HOUR, MINUTE, SECOND } from '../../component/runtime/clock.ts';

// In all of config/schema an error's message is the text after "expected": a noun, no sentence.

const units = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY } as const;
const durationPattern = /^(\d{1,9})(ms|s|m|h|d)$/;

/** Milliseconds of `250ms`, `90s`, `5m`, `1h`, `2d`; undefined for all else. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = durationPattern.exec(text) ?? [];
  return unit === undefined ? undefined : Number(amount) * units[unit as keyof typeof units];
}

/** The text in the largest unit that `parseDuration` turns back into so many milliseconds. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s';
  const unit = (['d', 'h', 'm', 's'] as const).find((name) => milliseconds % units[name] === 0) ?? 'ms';
  return `${milliseconds / units[unit]}${unit}`;
}

/** A duration within limits, both inclusive, in milliseconds. */
export function duration(shortest: number, longest: number) {
  const expected = `a duration from ${formatDuration(shortest)} to ${formatDuration(longest)}`;
  const withUnit = `${expected} with its unit: ms, s, m, h or d, as in 90s`;
  return z
    .string({ error: withUnit })
    .regex(durationPattern, withUnit)
    .transform((text, context) => {
      const milliseconds = parseDuration(text);
      if (milliseconds !== undefined && milliseconds >= shortest && milliseconds <= longest) return milliseconds;
      context.issues.push({ code: 'custom', message: expected, input: text });
      return z.NEVER;
    });
}

/** A whole number within limits, both inclusive. */
export function whole(least: number, most: number) {
  const error = `a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

/** Any text but an empty one. */
export function text(expected: string) {
  return z
    .string({ error: (issue) => (typeof issue.input === 'number' ? `${expected}, in quotes` : expected) })
    .min(1, { error: expected });
}

/** Text that can go into a header: Basic authentication has no way to send a control character (RFC 7617 §2). */
export function headerText(expected: string) {
  return text(expected).refine((value) => !/\p{Cc}/u.test(value), {
    error: 'text without tabs, line breaks and other control characters',
  });
}

/** The name or address of a host to connect to. */
export function host() {
  const error = 'a host name or an IP address, without a port';
  return z.string({ error }).refine((value) => /^[^\s/:@?#[\]]+$/u.test(value) || isIP(value) === 6, { error });
}

/** A domain of XMPP or of mail, in lower case. */
export function domain() {
  const error = 'a domain, as in example.com';
  return z.string({ error }).refine(isDomain, { error }).transform(fold);
}

/** The SMTP address of a mailbox, in lower case. */
export function mailbox() {
  const error = 'a mail address, as in alice@example.com';
  return z.string({ error }).refine(isMailbox, { error }).transform(fold);
}

/** Lower case, composed: how servers compare domains and mail addresses. */
export function fold(value: string): string {
  return value.normalize('NFC').toLowerCase();
}

/** RFC 1123 §2.1, with the letters of internationalised domains (RFC 5891) let through. */
export function isDomain(value: string): boolean {
  return value.length <= 253 && value.split('.').every((label) => domainLabel.test(label));
}

const domainLabel = /^(?!-)[\p{L}\p{M}\p{N}-]{1,63}(?<!-)$/u;

/** RFC 5321 §4.1.2 without quoted local parts, with the letters of RFC 6531. */
export function isMailbox(value: string): boolean {
  const at = value.indexOf('@');
  return value.length <= 254 && isMailLocal(value.slice(0, Math.max(0, at))) && isDomain(value.slice(at + 1));
}

/** A mail address in which `*` may stand for any characters. */
export function isMailboxPattern(value: string): boolean {
  return isMailbox(value.replaceAll('*', 'x'));
}

/** What stands before the @ of a mail address. */
export function isMailLocal(value: string): boolean {
  return mailLocal.test(value);
}

const mailLocal = /^(?!\.)(?!.*\.\.)[\p{L}\p{M}\p{N}.!#$%&'*+/=?^_`{|}~-]{1,64}(?<!\.)$/u;

/** The local part of a JID as it stands on the wire (RFC 7622 §3.3.1). */
export function isJidLocal(value: string): boolean {
  return jidLocal.test(value) && Buffer.byteLength(value) <= 1023;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const jidLocal = /^[^\s"&'/:<>@\u0000-\u001f\u007f]+$/u;
