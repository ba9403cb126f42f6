import type { Severity } from '../../../adapters/ews/check/check-finding.ts';
import type { Blur, ExchangeOptions, FaultyExchange, Person } from './exchange.ts';
import type { Hanging } from './traffic.ts';

export type Column = 'sweep' | 'streaming' | 'check';

/** A row of the matrix: what goes wrong, and what that may do. */
export type Fault = {
  readonly name: string;
  readonly exchange?: ExchangeOptions;
  readonly begin: (exchange: FaultyExchange) => void | Promise<void>;
  /** Ends what `begin` began, besides the simulator's faults and the front's weather, which end by themselves. */
  readonly end?: (exchange: FaultyExchange) => void | Promise<void>;
  /** Of whom nothing can be learnt meanwhile. Default: nobody */
  readonly cutsOff?: readonly Person[];
  /** Not even a pause is made for it. */
  readonly isAbsorbed?: boolean;
  /** Answers say less than they should, and are taken for that. */
  readonly blurs?: Blur;
  /** Requests that never get an answer. */
  readonly hangs?: Hanging;
  /** So long it is not felt, in milliseconds: until then what was there before is good enough. */
  readonly feltAfter?: number;
  /** How long what was asked before the end may still wait, in milliseconds. */
  readonly lingers?: number;
  /** It ends only with somebody's help. */
  readonly needsOperator?: boolean;
  /** The pause of those whom it concerns, in milliseconds, where it is not the server's or a stream's. */
  readonly backOff?: number;
  /** The same where there are notifications. */
  readonly streamBackOff?: number;
  /** How many mailboxes are listened for afterwards, in the column `streaming`. Default: all */
  readonly listens?: number;
  /** Whether the streams that are open live on when it begins. Otherwise they are cut. */
  readonly sparesStreams?: boolean;
  /** So long whoever is in trouble wants to be left alone after each request, in milliseconds. */
  readonly wantsRest?: number;
  /** Exchange is asked for automatic replies, too. */
  readonly asksReplies?: boolean;
  /** Exchange does not take back the subscription that a check made. */
  readonly keepsSubscription?: boolean;
  /** Much is sent: memory is watched. */
  readonly isLarge?: boolean;
  /** What a check says to it: the step and the severity of its worst finding. Default: an error of `authenticate` */
  readonly check?: `${string} ${Severity}`;
};
