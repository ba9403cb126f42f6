import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeLocalPart } from '../../../component/directory/jid-escaping.ts';
import { RuleDirectory } from '../../../component/directory/rule-directory.ts';

const directory = new RuleDirectory({
  rule: '{local}@example.com',
  domains: ['example.com', 'corp.example'],
  contacts: new Map([['boardroom', 'room-4711@corp.example']]),
});

test('a contact’s mailbox follows the rule', () => {
  expect(directory.mailboxOf('alice')).toBe('alice@example.com');
});

test('a contact that the configuration names has the mailbox that it names', () => {
  expect(directory.mailboxOf('boardroom')).toBe('room-4711@corp.example');
});

test('a contact that carries a whole address has that mailbox, in the domains that are listed', () => {
  expect(directory.mailboxOf('a.b\\40corp.example')).toBe('a.b@corp.example');
  expect(directory.mailboxOf('a.b\\40elsewhere.example')).toBeUndefined();
});

test.each(['', '\\40example.com', 'a\\20b', 'a\u0007b', '\\3cscript\\3e', 'x'.repeat(300)])(
  '%j is no contact',
  (contact) => {
    expect(directory.mailboxOf(contact)).toBeUndefined();
  },
);

test('dollar signs in a contact’s name are no patterns', () => {
  expect(directory.mailboxOf('$&$1')).toBe('$&$1@example.com');
});

test('without a rule only listed contacts and whole addresses exist', () => {
  const closed = new RuleDirectory({ rule: undefined, domains: [], contacts: new Map([['ceo', 'x@example.com']]) });
  expect([closed.mailboxOf('ceo'), closed.mailboxOf('alice')]).toEqual(['x@example.com', undefined]);
});

test('every legal address in a listed domain is the mailbox of the contact that carries it', () => {
  // RFC 5321 §4.1.2: the characters of a dot-string.
  const atom = fc.string({ unit: fc.constantFrom(..."abcxyz0189!#$%&'*+-/=?^_`{|}~"), minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.array(atom, { minLength: 1, maxLength: 4 }), (atoms) => {
      const mailbox = `${atoms.join('.')}@corp.example`;
      expect(directory.mailboxOf(escapeLocalPart(mailbox))).toBe(mailbox);
    }),
  );
});
