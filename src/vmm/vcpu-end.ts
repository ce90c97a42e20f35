/** What the end of one vCPU means for its machine. */
import type { VcpuEnd } from '../vcpu/run-loop.ts';
import type { MachineEnd } from './machine-end.ts';

/** Kinds of KVM_EXIT_SYSTEM_EVENT (KVM API §5). */
const SYSTEM_EVENT_SHUTDOWN = 1;
const SYSTEM_EVENT_RESET = 2;

/** @returns undefined for an end that was asked for. */
export function endOfVcpu(
  index: number,
  end: VcpuEnd,
  report: string | undefined,
): MachineEnd | undefined {
  switch (end.kind) {
    case 'stopped':
      return undefined;
    case 'shutdown':
      return { kind: 'tripleFault', vcpu: index };
    case 'systemEvent':
      if (end.event === SYSTEM_EVENT_SHUTDOWN) {
        return { kind: 'powerOff' };
      }
      return end.event === SYSTEM_EVENT_RESET
        ? { kind: 'reset', by: 'system event' }
        : { kind: 'tripleFault', vcpu: index };
    case 'failed':
      return {
        kind: 'vcpuFailed',
        message: `vCPU ${index} cannot go on: ${report ?? `exit reason ${end.reason}`}`,
      };
    case 'machineGone':
      return { kind: 'hostFailed', message: `vCPU ${index} lost the machine thread` };
  }
}
