/** Processes, their open files and the mounts of this host, as /proc tells them. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** One process. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** One letter of proc_pid_stat(5): Z is a process that has ended and was not waited for. */
  readonly state: string;
  /** Arguments with blanks between. */
  readonly command: string;
}

/** All processes of this pid namespace; those that end meanwhile are left out. */
export function listProcesses(): ProcessEntry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [readProcess(Number(name))];
      } catch {
        return [];
      }
    });
}

function readProcess(pid: number): ProcessEntry {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold anything, parentheses as well.
  const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  return { pid, parent: Number(parent), state, command };
}

/** Process ids of children, grandchildren and so on. */
export function findDescendants(ancestor: number): number[] {
  const processes = listProcesses();
  const found = [ancestor];
  for (const pid of found) {
    found.push(...processes.filter(({ parent }) => parent === pid).map((child) => child.pid));
  }
  return found.slice(1);
}

/** Sends SIGKILL, unless it has ended. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** The processes of these ids that still run or have not been waited for. */
export function findAlive(pids: readonly number[]): ProcessEntry[] {
  const wanted = new Set(pids);
  return listProcesses().filter(({ pid }) => wanted.has(pid));
}

/** Mount points of this mount namespace. */
export function listMounts(): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trimEnd().split('\n');
  return lines.map((line) => line.split(' ')[4] ?? '').sort();
}

/** Processes that have something open whose path starts with this, as `pid path`. */
export function findHolders(path: string): string[] {
  return listProcesses().flatMap(({ pid }) => {
    try {
      return readdirSync(`/proc/${pid}/fd`)
        .map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
        .filter((target) => target.startsWith(path))
        .map((target) => `${pid} ${target}`);
    } catch {
      return [];
    }
  });
}
