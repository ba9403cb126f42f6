import { HOUR, type Instant } from '../runtime/clock.ts';
import type { CalendarSourceError } from './calendar-source-error.ts';

/** Windows locks an account after a handful of wrong passwords: three of ours are the most it ever sees. */
export const MAX_REFUSALS = 3;
/** How long the last attempt is kept for a server that has accepted the account before. */
const LAST_ATTEMPT_KEPT = HOUR;

/** One server's standing with the account; for the guard alone to change. */
export type AccountMember = {
  /** The server, for people. */
  readonly name: string;
  /** The guard's epoch in which this server last accepted the account; -1: never. */
  provenIn: number;
  acceptedAt: Instant | undefined;
  /** In a row, of this server; those of requests that were in flight together count once. */
  refusals: number;
  epoch: number;
  closedBy: CalendarSourceError | undefined;
  readonly onChange: () => void;
};

/** A request under way: what it may prove depends on when it began. */
export type AccountAttempt = {
  readonly member: AccountMember;
  readonly epoch: number;
  readonly memberEpoch: number;
};

/**
 * Keeps one account (a user and a secret) from being locked, on however many servers it is used. It may be the account
 * that servers ask for, or the one that a proxy on the way to them does.
 *
 * Until a server has accepted the account, and again after each refusal by any of them, one request at a time finds
 * out for all. After three refusals in a row nobody asks any more; one success in between begins the count anew, and
 * then a server that alone refuses is closed alone, after three of its own. So that such a server can't close the
 * others, the third attempt belongs to one that has accepted the account before, if there is any.
 */
export class AccountGuard {
  /** In the order in which they are told that there is an attempt to be had. */
  readonly #members = new Set<AccountMember>();
  /** Grows with each refusal: what began in an earlier epoch proves nothing. */
  #epoch = 0;
  /** The epoch in which any server last accepted the account. */
  #provenIn = -1;
  #refusals = 0;
  #lastRefusal: { readonly by: AccountMember; readonly at: Instant } | undefined;
  #inquiry: AccountAttempt | undefined;
  #closedBy: CalendarSourceError | undefined;

  /**
   * @param onChange called when the member may perhaps ask again, or not any more
   * @param name the server, for people
   */
  join(onChange: () => void, name = ''): AccountMember {
    const member: AccountMember = {
      name,
      ...{ provenIn: -1, acceptedAt: undefined, refusals: 0, epoch: 0, closedBy: undefined },
      onChange,
    };
    this.#members.add(member);
    return member;
  }

  /** Why the member must not ask any more; undefined while it may. */
  closedBy(member: AccountMember): CalendarSourceError | undefined {
    return member.closedBy ?? this.#closedBy;
  }

  /** Where the refusal was that closed the account for the member; undefined while it may ask. */
  refusedAt(member: AccountMember): string | undefined {
    if (member.closedBy !== undefined) return member.name;
    return this.#closedBy === undefined ? undefined : this.#lastRefusal?.by.name;
  }

  /** Whether the member's server has accepted the account since the last refusal by any. */
  trusts(member: AccountMember): boolean {
    return member.provenIn === this.#epoch;
  }

  /** Whether the account was refused, by the member's server or another, and not accepted since. */
  isDoubtful(member: AccountMember): boolean {
    return this.#refusals > 0 || member.refusals > 0;
  }

  /** Whether a member that is not trusted may begin a request now. */
  mayInquire(member: AccountMember, now: Instant): boolean {
    if (this.closedBy(member) !== undefined) return false;
    // The secret is right: what this server says to it is between the two of them.
    if (this.#provenIn === this.#epoch) return true;
    return this.#inquiry === undefined && !this.#isKeptForOthers(member, now);
  }

  begin(member: AccountMember): AccountAttempt {
    const attempt = { member, epoch: this.#epoch, memberEpoch: member.epoch };
    if (this.#provenIn !== this.#epoch) this.#inquiry ??= attempt;
    return attempt;
  }

  accepted({ member, epoch }: AccountAttempt, now: Instant): void {
    // A request that was under way before the last refusal says nothing of the time after it.
    if (epoch !== this.#epoch) return;
    member.provenIn = epoch;
    member.acceptedAt = now;
    member.refusals = 0;
    this.#refusals = 0;
    if (this.#provenIn === epoch) return;
    this.#provenIn = epoch;
    this.#tell();
  }

  refused({ member, epoch, memberEpoch }: AccountAttempt, error: CalendarSourceError, now: Instant): void {
    if (memberEpoch === member.epoch) {
      member.epoch++;
      member.refusals++;
      if (member.refusals >= MAX_REFUSALS) member.closedBy = error;
    }
    if (epoch !== this.#epoch) return;
    this.#epoch++;
    this.#refusals++;
    this.#lastRefusal = { by: member, at: now };
    if (this.#refusals >= MAX_REFUSALS) this.#closedBy = error;
  }

  end(attempt: AccountAttempt): void {
    if (this.#inquiry !== attempt) return;
    this.#inquiry = undefined;
    // Who had a turn is told last: servers that give no answer must not keep it among themselves.
    this.#members.delete(attempt.member);
    this.#members.add(attempt.member);
    this.#tell();
  }

  /** Forgets all refusals: the secret changed, or an operator checked it. */
  reset(member: AccountMember): void {
    Object.assign(member, { provenIn: -1, acceptedAt: undefined, refusals: 0, closedBy: undefined });
    this.#refusals = 0;
    this.#closedBy = undefined;
    this.#tell();
  }

  #isKeptForOthers(member: AccountMember, now: Instant): boolean {
    const last = this.#lastRefusal;
    if (this.#refusals < MAX_REFUSALS - 1 || last?.by !== member) return false;
    // A clock that was set back keeps nothing: the hour would be as long as the step.
    if (now < last.at || now >= last.at + LAST_ATTEMPT_KEPT) return false;
    return [...this.#members].some((other) => other !== member && other.provenIn >= 0 && other.closedBy === undefined);
  }

  #tell(): void {
    for (const { onChange } of this.#members) onChange();
  }
}
