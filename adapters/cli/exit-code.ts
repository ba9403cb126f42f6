/** How the program ends, by the conventions of sysexits.h where it has one. */
export const exitCode = {
  ok: 0,
  /** `check` found something that does not work. */
  trouble: 1,
  /** `check` found nothing worse than what works and should not stay so. */
  warning: 2,
  /** EX_USAGE: the command line. */
  usage: 64,
  /** EX_DATAERR: what was to be imported is faulty. */
  dataError: 65,
  /** EX_NOINPUT: what was to be imported can't be read. */
  noInput: 66,
  /** EX_SOFTWARE: a fault of ours. */
  internal: 70,
  /** EX_IOERR: the database can't be used, or the standard output can't be written. */
  inputOutput: 74,
  /** EX_CONFIG: the configuration. */
  configuration: 78,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];
