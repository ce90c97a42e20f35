/** What some processes hold of things that the kernel counts and limits. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface Resources {
  readonly processes: number;
  readonly threads: number;
  readonly descriptors: number;
  /** Most of one process, because the limit is each process's own. */
  readonly descriptorsMax: number;
  /** Distinct ones: an end in one process and an end in another are one. */
  readonly pipes: number;
  readonly mappingsMax: number;
  readonly pageTablesKib: number;
  /** Distinct ones other than this process's own. */
  readonly userNamespaces: number;
  readonly netNamespaces: number;
}

/** A number of /proc/PID/status, in its own unit. */
export function statusField(status: string, key: string): number {
  const value = new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1];
  if (value === undefined) {
    throw new Error(`no ${key} in the status of a process`);
  }
  return Number(value);
}

function otherNamespaces(pids: readonly number[], kind: 'user' | 'net'): number {
  const own = readlinkSync(`/proc/self/ns/${kind}`);
  const all = new Set(pids.map((pid) => readlinkSync(`/proc/${pid}/ns/${kind}`)));
  all.delete(own);
  return all.size;
}

/** Where a descriptor of a process leads to; empty for one that was closed meanwhile. */
function target(pid: number, fd: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return '';
  }
}

/**
 * Counts what processes hold together.
 *
 * @throws Error when one of them has ended, or belongs to somebody else.
 */
export function resourcesOf(pids: readonly number[]): Resources {
  const statuses = pids.map((pid) => readFileSync(`/proc/${pid}/status`, 'utf8'));
  const sum = (key: string): number =>
    statuses.reduce((total, status) => total + statusField(status, key), 0);
  const targets = pids.map((pid) => readdirSync(`/proc/${pid}/fd`).map((fd) => target(pid, fd)));
  const descriptors = targets.map(({ length }) => length);
  const mappings = pids.map(
    (pid) => readFileSync(`/proc/${pid}/maps`, 'utf8').trimEnd().split('\n').length,
  );
  return {
    processes: pids.length,
    threads: sum('Threads'),
    descriptors: descriptors.reduce((total, count) => total + count, 0),
    descriptorsMax: Math.max(...descriptors),
    pipes: new Set(targets.flat().filter((path) => path.startsWith('pipe:'))).size,
    mappingsMax: Math.max(...mappings),
    pageTablesKib: sum('VmPTE'),
    userNamespaces: otherNamespaces(pids, 'user'),
    netNamespaces: otherNamespaces(pids, 'net'),
  };
}

/** What the host could still give to programs, MiB. */
export function availableMib(): number {
  return statusField(readFileSync('/proc/meminfo', 'utf8'), 'MemAvailable') / 1024;
}

/**
 * What the kernel holds for itself, MiB: objects that it cannot give back, stacks of threads, counters of each CPU. Page
 * tables are left out, as those are told for each process.
 */
export function kernelMib(): number {
  const meminfo = readFileSync('/proc/meminfo', 'utf8');
  const parts = ['SUnreclaim', 'KernelStack', 'Percpu'].map((key) => statusField(meminfo, key));
  return parts.reduce((total, kib) => total + kib, 0) / 1024;
}
