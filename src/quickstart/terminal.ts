/** Keeps a terminal's settings over the life of a program that changes them and may die of it. */
import { execFileSync } from 'node:child_process';

/**
 * Remembers the settings of the terminal on standard input.
 *
 * @returns what puts them back; safe to call more than once and from an exit handler.
 */
export function saveTerminal(): () => void {
  const settings = execFileSync('stty', ['-g'], {
    stdio: ['inherit', 'pipe', 'ignore'],
    encoding: 'utf8',
  }).trim();
  const restore = (): void => {
    execFileSync('stty', [settings], { stdio: ['inherit', 'ignore', 'ignore'] });
  };
  process.once('exit', restore);
  return () => {
    process.off('exit', restore);
    restore();
  };
}
