/** KVM: the device, its capabilities, and whether a kernel runs on it. */
import { describeError, HostError } from '../base/errors.ts';
import { KVM_DEVICE_PATH, KVM_OPEN_REMEDIES, Kvm } from '../hypervisor/kvm.ts';
import { type Check, missing, ok, warn } from './check.ts';
import { probeRing0, type Ring0Result } from './ring0-probe.ts';

const USE_ANOTHER_HOST =
  'use a host with hardware virtualization (a bare-metal machine, or a virtual one with nested virtualization); ' +
  '`npm start` runs its guests on an emulated host meanwhile';
/** An interpreter does about a million; the slowest processor emulated in full does far more. */
const SLOW_INSTRUCTIONS_PER_SECOND = 10_000_000;

/** The checks that need `/dev/kvm`; only the first one where it cannot be opened. */
export function kvmChecks(): Check[] {
  try {
    using kvm = Kvm.open();
    const device = ok('kvm', `/dev/kvm, API version 12, up to ${kvm.vcpuCountMax} vCPUs`);
    return [device, capabilityCheck(kvm.missingCaps()), ring0Check(probeRing0(kvm))];
  } catch (error) {
    return [openFailure(error)];
  }
}

/** Judges what {@link Kvm.open} threw. */
export function openFailure(error: unknown): Check {
  const remedies = new Map<string, string>(Object.entries(KVM_OPEN_REMEDIES));
  const code = error instanceof HostError ? error.code : '';
  const remedy = remedies.get(code);
  return remedy === undefined
    ? missing('kvm', `${describeError(error)}: no machine can run`, 'see the host’s kernel log')
    : missing('kvm', `${KVM_DEVICE_PATH} cannot be opened: no machine can run`, remedy);
}

/** Judges what {@link Kvm.missingCaps} found. */
export function capabilityCheck(lacking: readonly string[]): Check {
  return lacking.length === 0
    ? ok('kvm capabilities', 'all that a machine needs')
    : missing(
        'kvm capabilities',
        `this kernel's KVM lacks ${lacking.join(', ')}: no machine can run`,
        'use Linux 5.10 or later',
      );
}

/** Judges what {@link probeRing0} found. */
export function ring0Check(result: Ring0Result): Check {
  const name = 'kvm ring 0';
  switch (result.kind) {
    case 'native': {
      const millions = (result.instructionsPerSecond / 1e6).toFixed(0);
      return result.instructionsPerSecond < SLOW_INSTRUCTIONS_PER_SECOND
        ? warn(
            name,
            `kernel code runs at only ${millions} million instructions a second: guests boot slowly`,
            USE_ANOTHER_HOST,
          )
        : ok(name, `kernel code runs natively (${millions} million instructions a second)`);
    }
    case 'emulated':
      return missing(
        name,
        `KVM interprets kernel code here and gives up at ${result.instruction}: operating systems do not boot, ` +
          'small ring-3 guests do',
        USE_ANOTHER_HOST,
      );
    case 'unknown':
      return warn(name, `could not be found out: ${result.reason}`, 'see the host’s kernel log');
  }
}

/** Whether an unmodified Linux kernel boots on this machine's own KVM, and why or why not, in one clause. */
export interface LinuxVerdict {
  readonly canRunLinux: boolean;
  readonly reason: string;
}

/** Tries it out, in about a tenth of a second; when in doubt the answer is no. Never throws. */
export function kvmRunsLinux(): LinuxVerdict {
  try {
    using kvm = Kvm.open();
    const lacking = kvm.missingCaps();
    return lacking.length > 0
      ? { canRunLinux: false, reason: capabilityCheck(lacking).detail }
      : linuxVerdict(probeRing0(kvm));
  } catch (error) {
    return { canRunLinux: false, reason: openFailure(error).detail };
  }
}

/** The verdict on a host that has all that a machine needs. */
export function linuxVerdict(result: Ring0Result): LinuxVerdict {
  const { detail } = ring0Check(result);
  return { canRunLinux: result.kind === 'native', reason: detail };
}
