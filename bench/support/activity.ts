/** What the threads of some processes did in a while, finer than the kernel's ticks of 10 ms. */
import { readdirSync, readFileSync } from 'node:fs';

/** Of one thread since it was started. */
interface ThreadCounts {
  readonly label: string;
  readonly cpuNs: number;
  /** Times that it went to sleep by itself; each but the last was followed by a wake-up. */
  readonly sleeps: number;
}

/** `PID/TID` of every thread. */
export type ActivitySnapshot = ReadonlyMap<string, ThreadCounts>;

/** Between two snapshots. */
export interface Activity {
  readonly cpuMs: number;
  readonly wakeUps: number;
  /** Threads that did anything, busiest first, in words. */
  readonly threads: readonly string[];
}

/** First field of /proc/PID/task/TID/schedstat: nanoseconds on a CPU, a vCPU's time in its guest included. */
export function cpuNsOf(schedstat: string): number {
  const value = Number(schedstat.split(' ')[0]);
  if (schedstat.trim() === '' || Number.isNaN(value)) {
    throw new Error(`no schedstat of this kernel is understood: "${schedstat}"`);
  }
  return value;
}

/** The count in /proc/PID/task/TID/status. */
export function sleepsOf(status: string): number {
  const value = /^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1];
  if (value === undefined) {
    throw new Error('no voluntary_ctxt_switches in the status of a thread');
  }
  return Number(value);
}

function isGone(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'ENOENT' || error.code === 'ESRCH' || error.code === 'EACCES')
  );
}

function countThread(pid: number, tid: string): ThreadCounts | undefined {
  const folder = `/proc/${pid}/task/${tid}`;
  try {
    const [name, schedstat, status] = ['comm', 'schedstat', 'status'].map((file) =>
      readFileSync(`${folder}/${file}`, 'utf8'),
    );
    const label = `${pid}/${tid} ${(name ?? '').trim()}`;
    return { label, cpuNs: cpuNsOf(schedstat ?? ''), sleeps: sleepsOf(status ?? '') };
  } catch (error) {
    if (isGone(error)) {
      return undefined;
    }
    throw error;
  }
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch (error) {
    if (isGone(error)) {
      return [];
    }
    throw error;
  }
}

/** Looks at all threads of these processes. A thread that ends between two looks is not counted. */
export function snapshotActivity(pids: readonly number[]): ActivitySnapshot {
  const snapshot = new Map<string, ThreadCounts>();
  for (const pid of pids) {
    for (const tid of threadsOf(pid)) {
      const counts = countThread(pid, tid);
      if (counts !== undefined) {
        snapshot.set(`${pid}/${tid}`, counts);
      }
    }
  }
  return snapshot;
}

/** What happened from one look to the next. */
export function activityBetween(before: ActivitySnapshot, after: ActivitySnapshot): Activity {
  const busy: { readonly cpuNs: number; readonly text: string }[] = [];
  let cpuNs = 0;
  let wakeUps = 0;
  for (const [key, now] of after) {
    const then = before.get(key) ?? { cpuNs: 0, sleeps: 0 };
    const spent = now.cpuNs - then.cpuNs;
    const woken = now.sleeps - then.sleeps;
    cpuNs += spent;
    wakeUps += woken;
    if (spent > 0 || woken > 0) {
      const text = `${now.label}: ${(spent / 1e6).toFixed(3)} ms, ${woken} wake-ups`;
      busy.push({ cpuNs: spent, text });
    }
  }
  const threads = busy.sort((a, b) => b.cpuNs - a.cpuNs).map(({ text }) => text);
  return { cpuMs: cpuNs / 1e6, wakeUps, threads };
}
