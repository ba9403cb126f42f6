// What an account may do at once, and in an hour.
// docs: EWS throttling in Exchange, https://learn.microsoft.com/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange
//       (impersonation is charged to a copy of the target's budget; streaming connections have a budget of their own)
//       Set-ThrottlingPolicy, https://learn.microsoft.com/powershell/module/exchange/set-throttlingpolicy
// From judgement: a locked account is free again when its balance is back at zero, and this is what BackOffMilliseconds says.

import type { Caller } from './operation.ts';

/** The budget of execution time, in the words of a throttling policy; all in milliseconds. */
export type EwsBudget = {
  /** EwsMaxBurst: what may be used at once. */
  readonly burst: number;
  /** EwsRechargeRate: what comes back in an hour. */
  readonly rechargeRate: number;
  /** EwsCutoffBalance: so far below zero requests are refused. */
  readonly cutoffBalance: number;
  /** What a request costs besides the time that it takes. Default: 0 */
  readonly cost?: number;
};

/** A throttling policy, which an administrator may change at any time. */
export type ThrottlingPolicy = {
  /** EWSMaxConcurrency. */
  concurrency: number;
  /** HangingConnectionLimit: streaming connections. */
  hangingConnections: number;
  /** EWSMaxSubscriptions. */
  subscriptions: number;
  /** undefined: unlimited. */
  budget: EwsBudget | undefined;
};

type Balance = { value: number; at: number; locked: boolean };

const HOUR = 3_600_000;

/** Accounts for what is used, each budget by its owner: an account, or the mailbox that it impersonates. */
export class Throttle {
  readonly limits: ThrottlingPolicy;
  readonly #now: () => number;
  readonly #open = new Map<string, number>();
  readonly #hanging = new Map<string, number>();
  readonly #balances = new Map<string, Balance>();

  constructor(limits: ThrottlingPolicy, now: () => number) {
    this.limits = limits;
    this.#now = now;
  }

  /** Counts a request; `give` it back when it is answered. False: there are too many, and it is not counted. */
  takeRequest(owner: string): boolean {
    return take(this.#open, owner, this.limits.concurrency);
  }

  giveRequest(owner: string): void {
    give(this.#open, owner);
  }

  /** The same for a streaming connection. */
  takeHanging(owner: string): boolean {
    return take(this.#hanging, owner, this.limits.hangingConnections);
  }

  giveHanging(owner: string): void {
    give(this.#hanging, owner);
  }

  /** How long an owner has to wait, in milliseconds; undefined: it may go on. */
  lockedFor(owner: string): number | undefined {
    const { budget } = this.limits;
    if (budget === undefined) return undefined;
    const balance = this.#balance(owner, budget);
    if (balance.value >= 0) balance.locked = false;
    else if (balance.value < -budget.cutoffBalance) balance.locked = true;
    return balance.locked ? Math.ceil((-balance.value * HOUR) / budget.rechargeRate) : undefined;
  }

  /** Takes what a request has used from its owner's budget. */
  charge(owner: string, milliseconds: number): void {
    const { budget } = this.limits;
    if (budget !== undefined) this.#balance(owner, budget).value -= milliseconds + (budget.cost ?? 0);
  }

  #balance(owner: string, { burst, rechargeRate }: EwsBudget): Balance {
    const now = this.#now();
    const balance = this.#balances.get(owner) ?? { value: burst, at: now, locked: false };
    balance.value = Math.min(burst, balance.value + ((now - balance.at) * rechargeRate) / HOUR);
    balance.at = now;
    this.#balances.set(owner, balance);
    return balance;
  }
}

/** Who is charged: each mailbox has a second budget, for all who impersonate it. */
export function budgetOwner({ account, impersonated }: Pick<Caller, 'account' | 'impersonated'>): string {
  return impersonated === undefined ? `account ${account}` : `mailbox ${impersonated}`;
}

function take(counts: Map<string, number>, owner: string, most: number): boolean {
  const count = counts.get(owner) ?? 0;
  if (count >= most) return false;
  counts.set(owner, count + 1);
  return true;
}

function give(counts: Map<string, number>, owner: string): void {
  const count = (counts.get(owner) ?? 0) - 1;
  if (count > 0) counts.set(owner, count);
  else counts.delete(owner);
}
