import { createHmac } from 'node:crypto';
import { md4 } from './md4.ts';

/** Who logs on, with what stands for the password: as good as the password to NTLM, and to be kept as secret. */
export type NtlmIdentity = {
  /** UTF-16LE. */
  readonly user: Buffer;
  /** UTF-16LE; empty for `user@domain` and for a name alone, whose domain the server finds. */
  readonly domain: Buffer;
  /** NTOWFv2 (MS-NLMP §3.3.2). */
  readonly responseKey: Buffer;
};

/**
 * An identity from `DOMAIN\user`, `user@domain` (a user principal name, which goes whole, as Windows sends it) or a
 * user name alone.
 *
 * @throws RangeError when the name is empty or longer than a message can hold, or one of the texts has a control
 *   character
 */
export function ntlmIdentity(name: string, password: string): NtlmIdentity {
  if (/\p{Cc}/u.test(name + password)) {
    throw new RangeError('The user name or the password has a control character, a line break at its end perhaps');
  }
  const [, domain = '', user = ''] = /^(?:([^\\]*)\\)?(.*)$/s.exec(name) ?? [];
  if (user === '') throw new RangeError('The user name is empty');
  // A user principal name has at most 1,024 characters (User-Principal-Name in the schema of Active Directory).
  if (name.length > 1024) throw new RangeError('The user name is too long');
  return {
    user: utf16(user),
    domain: utf16(domain),
    responseKey: createHmac('md5', md4(utf16(password)))
      .update(utf16(upperCase(user) + domain))
      .digest(),
  };
}

/** As Windows does it: character for character, so that no text gets longer (`ß` stays, where JavaScript makes `SS`). */
function upperCase(text: string): string {
  return text.replace(/./gs, (unit) => (unit.toUpperCase().length === 1 ? unit.toUpperCase() : unit));
}

export function utf16(text: string): Buffer {
  return Buffer.from(text, 'utf16le');
}
