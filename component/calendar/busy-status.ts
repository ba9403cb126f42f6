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

/**
 * What all entries together claim of a moment: a set of statuses, those of all-day entries apart, as the bits of a
 * number. 0: no entry is there, which is Free. Kept instead of the winner, for which one that is depends on rules.
 */
export type Claims = number;

/** The statuses that are told apart when an entry lasts whole days. */
export const allDayStatuses = ['Tentative', 'WorkingElsewhere', 'Busy', 'OOF'] as const;
export type AllDayStatus = (typeof allDayStatuses)[number];

const ALL_DAY_SHIFT = busyStatuses.length;

/** All bits that a set of claims can have. */
export const ALL_CLAIMS: Claims = (1 << (ALL_DAY_SHIFT + allDayStatuses.length)) - 1;

/** The claim of one entry. */
export function claimOf(status: BusyStatus, isAllDay: boolean): Claims {
  const allDay = isAllDay ? (allDayStatuses as readonly string[]).indexOf(status) : -1;
  return 1 << (allDay < 0 ? precedence(status) : ALL_DAY_SHIFT + allDay);
}

/** What all-day entries count as; Free: they are overlooked. Absent: as what they say. */
export type AllDayRule = Readonly<Partial<Record<AllDayStatus, BusyStatus | undefined>>>;

/** The status that wins. */
export function statusOfClaims(claims: Claims, rule: AllDayRule = {}): BusyStatus {
  let statuses = claims & ((1 << ALL_DAY_SHIFT) - 1);
  if (statuses !== claims) {
    for (const [index, status] of allDayStatuses.entries()) {
      if (claims & (1 << (ALL_DAY_SHIFT + index))) statuses |= 1 << precedence(rule[status] ?? status);
    }
  }
  return statuses === 0 ? 'Free' : (busyStatuses[31 - Math.clz32(statuses)] as BusyStatus);
}

/** The names of what is claimed, for storage: `Tentative+Busy/day`; `Free` where nothing is. */
export function writeClaims(claims: Claims): string {
  const names = claimNames.filter((_, bit) => claims & (1 << bit));
  return names.length === 0 ? 'Free' : names.join('+');
}

/** The set by its names; undefined when one of them is none. */
export function readClaims(text: string): Claims | undefined {
  let claims: Claims = 0;
  for (const name of text === 'Free' ? [] : text.split('+')) {
    const bit = claimNames.indexOf(name);
    if (bit < 0) return undefined;
    claims |= 1 << bit;
  }
  return claims;
}

const claimNames: readonly string[] = [...busyStatuses, ...allDayStatuses.map((status) => `${status}/day`)];
