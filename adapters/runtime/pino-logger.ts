import { type Logger as Pino, pino, stdSerializers } from 'pino';
import { PinoPretty } from 'pino-pretty';
import type { LogFields, Logger } from '../../component/runtime/logger.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type LogOptions = {
  readonly level: LogLevel;
  /** `auto`: pretty on a terminal, JSON otherwise. */
  readonly format: 'auto' | 'pretty' | 'json';
  /** Where to; the standard output unless given. */
  readonly destination?: NodeJS.WritableStream;
};

/** The log, written by pino: one JSON object a line, or lines for people. */
export function createLogger({ level, format, destination = process.stdout }: LogOptions): Logger {
  const isTerminal = 'isTTY' in destination && destination.isTTY === true;
  const pretty = format === 'pretty' || (format === 'auto' && isTerminal);
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: stdSerializers.err },
  };
  const target = pretty
    ? PinoPretty({ destination, colorize: isTerminal, messageKey: 'msg', translateTime: 'SYS:HH:MM:ss' })
    : destination;
  return wrap(pino(options, target));
}

function wrap(log: Pino): Logger {
  return {
    debug: (message, fields) => log.debug(fields ?? {}, message),
    info: (message, fields) => log.info(fields ?? {}, message),
    warn: (message, fields) => log.warn(fields ?? {}, message),
    error: (message, fields) => log.error(fields ?? {}, message),
    child: (fields: LogFields) => wrap(log.child(fields)),
  };
}
