/** The terminal while a guest has it. */
import { isatty } from 'node:tty';
import { RawTerminal } from '../sys/terminal.ts';
import type { VmConfig } from './config.ts';

const STDIN = 0;

/**
 * Puts the terminal into raw mode if a serial port reads from it.
 *
 * @returns what restores it.
 */
export function holdTerminal(config: VmConfig): () => void {
  if (!config.serial.some((port) => port.stdin) || !isatty(STDIN)) {
    return () => undefined;
  }
  const terminal = new RawTerminal(STDIN);
  return () => {
    terminal[Symbol.dispose]();
  };
}
