// The account that the simulator knows, with the lock that Active Directory puts on guessing.
// docs: Account lockout threshold, Reset account lockout counter after, Account lockout duration,
//       https://learn.microsoft.com/windows/security/threat-protection/security-policy-settings/account-lockout-policy

export type AccountSettings = {
  /** A bare name; or, with a backslash or an @, the one form in which the account may be given. */
  readonly username: string;
  readonly password: string;
  /** The domain's NetBIOS name. Default: EXAMPLE */
  readonly domain?: string;
};

export type Lockout = {
  /** Bad log-ons that lock the account; 0: it is never locked. */
  readonly threshold: number;
  /** Milliseconds for which it stays locked, and after which bad log-ons are forgotten. */
  readonly duration: number;
};

export class Account {
  readonly username: string;
  readonly domain: string;
  readonly #lockout: Lockout;
  readonly #now: () => number;
  #password: string;
  #badLogons = 0;
  #lastBad = Number.NEGATIVE_INFINITY;
  #lockedAt: number | undefined;

  constructor({ username, password, domain = 'EXAMPLE' }: AccountSettings, lockout: Lockout, now: () => number) {
    this.username = username;
    this.domain = domain;
    this.#password = password;
    this.#lockout = lockout;
    this.#now = now;
  }

  /** Wrong passwords in a row, as badPwdCount: those that came while the account was locked are not in it. */
  get badLogons(): number {
    this.#forget();
    return this.#badLogons;
  }

  get isLocked(): boolean {
    this.#forget();
    return this.#lockedAt !== undefined;
  }

  /** What an administrator does with an account that is locked. */
  unlock(): void {
    this.#badLogons = 0;
    this.#lockedAt = undefined;
  }

  changePassword(password: string): void {
    this.#password = password;
  }

  /** Whether a name, as a client gave it, is this account's: without regard to case, alone, DOMAIN\name or name@domain. */
  hasName(user: string, domain = ''): boolean {
    const whole = domain === '' ? user : `${domain}\\${user}`;
    const same = (other: string): boolean => whole.toLowerCase() === other.toLowerCase();
    if (same(this.username)) return true;
    if (/[\\@]/.test(this.username)) return false;
    const [name, suffix] = whole.split('@', 2);
    const isPrincipal = suffix !== undefined && this.#isDomain(suffix);
    return (
      same(`${this.domain}\\${this.username}`) || (isPrincipal && name?.toLowerCase() === this.username.toLowerCase())
    );
  }

  /** A log-on: `proves` says whether what was sent was made with the password. A locked account refuses the right one too. */
  logOn(proves: (password: string) => boolean): boolean {
    if (this.isLocked) return false;
    if (proves(this.#password)) {
      this.#badLogons = 0;
      return true;
    }
    this.#badLogons++;
    this.#lastBad = this.#now();
    if (this.#lockout.threshold > 0 && this.#badLogons >= this.#lockout.threshold) this.#lockedAt = this.#now();
    return false;
  }

  #isDomain(suffix: string): boolean {
    return suffix.toLowerCase().split('.')[0] === this.domain.toLowerCase();
  }

  #forget(): void {
    const since = this.#lockedAt ?? this.#lastBad;
    if (this.#now() - since >= this.#lockout.duration) this.unlock();
  }
}
