import type { PresenceRules } from '../../component/presence/presence-policy.ts';

/** Rules that show the calendar as it is. */
export function plainRules(looks: Omit<PresenceRules['looks'], 'OffHours'>): PresenceRules {
  return { looks: { ...looks, OffHours: looks.Free }, allDay: {}, shortest: 0, hours: undefined, times: false };
}
