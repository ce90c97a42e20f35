/** CPU time of a process and its descendants, from /proc. */
import { readFileSync } from 'node:fs';

/** The kernel counts it exactly, but tells it in steps of this. */
const TICK_MS = 10;
/** Fields of proc_pid_stat(5) after the name, from 0: utime, stime, and the same of children that were waited for. */
const USER = 11;
const FIELD_COUNT = 4;

/** The part of a line of /proc/PID/stat that is CPU time, ms. */
export function cpuMsOf(stat: string): number {
  // The name is in parentheses and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(USER, USER + FIELD_COUNT).map(Number);
  return ticks.reduce((sum, count) => sum + count, 0) * TICK_MS;
}

/**
 * User and system time of these processes so far, ms: threads that have ended, children that were waited for, and the
 * time that a vCPU thread spends in its guest included. A process that is gone counts with whoever waited for it.
 */
export function processesCpuMs(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) {
    try {
      sum += cpuMsOf(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
      // It has ended.
    }
  }
  return sum;
}
