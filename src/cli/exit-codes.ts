import type { MachineEnd } from '../vmm/machine-end.ts';

/**
 * The exit codes of `crosvm`. Those of a guest's own ends are told apart only with `--extended-status`, as crosvm
 * does; without it they are all 0, because the machine did what it was asked to.
 */
export const ExitCode = {
  /** The guest powered off, or `crosvm stop` ended it, or the command did its work. */
  Ok: 0,
  /** The host failed: a system call, a missing facility, a device process that died. */
  Failure: 1,
  /** The guest asked for a reset. */
  Reset: 32,
  /** The guest's processor ended in a triple fault, or cannot go on. */
  Crash: 33,
  /** The guest reported a kernel panic. */
  Panic: 34,
  /** The command line, or a file that it names, is wrong. */
  InvalidArguments: 35,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Added to the number of the signal that ended `crosvm run`. */
export const SIGNAL_EXIT_BASE = 128;

/** The exit code of `crosvm run` for the way in which its machine ended. */
export function exitCodeForEnd(end: MachineEnd, extendedStatus: boolean): number {
  switch (end.kind) {
    case 'powerOff':
    case 'stop':
      return ExitCode.Ok;
    case 'reset':
      return extendedStatus ? ExitCode.Reset : ExitCode.Ok;
    case 'tripleFault':
      return extendedStatus ? ExitCode.Crash : ExitCode.Ok;
    case 'panic':
      return extendedStatus ? ExitCode.Panic : ExitCode.Ok;
    case 'deviceDeath':
    case 'vcpuFailed':
      return extendedStatus ? ExitCode.Crash : ExitCode.Failure;
    case 'hostFailed':
      return ExitCode.Failure;
    case 'signal':
      return SIGNAL_EXIT_BASE + end.number;
  }
}
