// docs: LegacyFreeBusyStatus, https://learn.microsoft.com/exchange/client-developer/web-service-reference/legacyfreebusystatus

export const entryStatuses = ['Free', 'Tentative', 'Busy', 'OOF', 'WorkingElsewhere', 'NoData'] as const;
type EntryStatus = (typeof entryStatuses)[number];

/** What the simulator's account may see of a mailbox: its free/busy, or nothing. */
export type MailboxAccess = 'free-busy' | 'none';

/** The half-open span [start, end); numbers are epoch milliseconds. */
export type Span = { readonly start: number | Date; readonly end: number | Date };

export type Booking = Span & {
  /** Default: Busy. */
  readonly status?: EntryStatus;
  readonly subject?: string;
};

export type CalendarEntry = {
  readonly id: string;
  readonly start: number;
  readonly end: number;
  readonly status: EntryStatus;
  readonly subject: string;
};
