/** Where the time of a start goes: `--log-level debug` shows it. */
import { isLogged, log } from '../base/log.ts';

/** Notes that a phase of the start is over, in milliseconds since this process began. */
export function endPhase(phase: string): void {
  if (isLogged('debug')) {
    log('debug', 'start', `${performance.now().toFixed(1)} ms: ${phase}`);
  }
}
