/** Values that explain a log message. Never a secret, never a meeting's subject. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The log, as a port. A message is static text; what varies goes into the fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each of its messages. */
  child(fields: LogFields): Logger;
}
