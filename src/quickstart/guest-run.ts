/** What the run with a report and the run with a shell have in common. */
import { join } from 'node:path';
import type { ProgressLog } from '../artifacts/debian-package.ts';
import type { GuestImages } from '../guest-images/guest-images.ts';
import { findDeviceProcesses } from './device-processes.ts';
import { formatDeviceTable } from './device-table.ts';
import type { Machine } from './machine.ts';

/** What to boot and where. */
export interface GuestRun {
  readonly images: GuestImages;
  /** The project's root. */
  readonly project: string;
  /** The machine's control socket. */
  readonly socket: string;
  /** Whether this is a nested host, whose files nobody outside reaches. */
  readonly isNested: boolean;
  readonly log: ProgressLog;
}

const VCPUS = 2;
const MEMORY_MIB = 256;

/**
 * Arguments of `crosvm run`.
 *
 * @param words kernel command line words, which the guest's /sbin/init reads.
 */
export function runArguments(run: GuestRun, words: readonly string[]): string[] {
  const { vmlinux, initrd, squashfs } = run.images;
  return [
    ...['--cpus', String(VCPUS), '--mem', String(MEMORY_MIB)],
    ...['--root', squashfs, '--initrd', initrd, '--socket', run.socket],
    ...['--params', ['quiet', ...words].join(' ')],
    vmlinux,
  ];
}

/** The table of the machine's device processes, with a heading; empty when it has none. */
export function describeDevices(machine: Machine, project: string): string[] {
  const devices = findDeviceProcesses(machine.pid);
  if (devices.length === 0) {
    return [];
  }
  return [
    `Device processes of crosvm (process ${machine.pid}), as the host's kernel sees them:`,
    ...formatDeviceTable(devices, join(project, 'policy')).map((line) => `  ${line}`),
  ];
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Waits for the machine's end; a signal that would end us ends the machine first. */
export async function waitForEnd(machine: Machine): Promise<number> {
  const stop = (): void => {
    machine.stop();
  };
  for (const signal of SIGNALS) {
    process.on(signal, stop);
  }
  try {
    return await machine.ended;
  } finally {
    for (const signal of SIGNALS) {
      process.off(signal, stop);
    }
  }
}
