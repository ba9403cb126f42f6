/**
 * What a calendar says of a moment: EWS's LegacyFreeBusyType, in ascending precedence.
 * Where entries overlap the last in this list wins. "Away" in Outlook on the web is OOF on the wire.
 *
 * https://learn.microsoft.com/exchange/client-developer/web-service-reference/legacyfreebusystatus
 */
export const busyStatuses = ['NoData', 'Free', 'Tentative', 'WorkingElsewhere', 'Busy', 'OOF'] as const;

export type BusyStatus = (typeof busyStatuses)[number];

/** The place of a status in the order of precedence: the higher wins. */
export function precedence(status: BusyStatus): number {
  return busyStatuses.indexOf(status);
}

export function isBusyStatus(text: string): text is BusyStatus {
  return (busyStatuses as readonly string[]).includes(text);
}
