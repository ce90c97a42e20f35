/** Lines for the operator on standard error, one per event, with a level and the component that speaks. */
import { writeSync } from 'node:fs';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const STDERR = 2;
let threshold: number = LOG_LEVELS.indexOf('info');

/** Sets the most talkative level that is still written; per thread. */
export function setLogLevel(level: LogLevel): void {
  threshold = LOG_LEVELS.indexOf(level);
}

/** True when a line of this level would be written, for callers whose message is costly to make. */
export function isLogged(level: LogLevel): boolean {
  return LOG_LEVELS.indexOf(level) <= threshold;
}

/**
 * Writes one line. Written synchronously, so that it is out before a process that is about to end ends; a
 * standard error that cannot take it loses the line, never the caller.
 */
export function log(level: LogLevel, component: string, message: string): void {
  if (!isLogged(level)) {
    return;
  }
  try {
    writeSync(STDERR, `crosvm: ${level}: ${component}: ${message}\n`);
  } catch {
    // A closed or full standard error must not end a virtual machine.
  }
}
