// docs: Automatic replies (OofState Enabled and Scheduled),
//       https://learn.microsoft.com/exchange/client-developer/web-service-reference/oofstate

/** What a mailbox answers by itself; numbers are epoch milliseconds. With start and end it is scheduled. */
export type AutomaticReply = {
  readonly text: string;
  readonly start?: number | Date;
  readonly end?: number | Date;
};

/** Whether it is sent at an instant (epoch ms): a schedule is a half-open span. */
export function isReplying({ start, end }: AutomaticReply, now: number): boolean {
  return (start === undefined || Number(start) <= now) && (end === undefined || now < Number(end));
}

/** @throws RangeError when only one of start and end is given, or the end is not after the start */
export function checkReply({ start, end }: AutomaticReply): void {
  if ((start === undefined) !== (end === undefined)) throw new RangeError('A schedule has a start and an end');
  if (start !== undefined && !(Number(start) < Number(end))) {
    throw new RangeError(`A reply can't be sent from ${start} to ${end}`);
  }
}
