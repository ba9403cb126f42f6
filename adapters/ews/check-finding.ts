type CheckStep = 'resolve' | 'connect' | 'tls' | 'authenticate' | 'free-busy' | 'version';

/** What one step of a check found: what was seen, and what to do about it. */
export type CheckFinding = {
  readonly step: CheckStep;
  readonly ok: boolean;
  readonly seen: string;
  readonly advice?: string;
};
