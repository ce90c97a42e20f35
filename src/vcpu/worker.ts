/**
 * Entry of a vCPU's worker thread: waits until it is given a vCPU and wanted, runs that until its end, reports, ends.
 * The thread starts before there is a vCPU, because starting takes it longer than anything else.
 *
 * Registers, CPUID and the rest were set by the main thread before this thread touches the vCPU.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { describeError } from '../base/errors.ts';
import { VcpuFd } from '../hypervisor/vcpu-fd.ts';
import { ExitPipe } from '../ipc/exit-pipe.ts';
import { registerVcpuThread, unregisterVcpuThread } from '../sys/native.ts';
import { VcpuControl, VcpuState } from './control-block.ts';
import { describeVcpuFailure } from './exit.ts';
import { runVcpu, type VcpuEnd } from './run-loop.ts';

/** What a vCPU worker starts with. */
export interface VcpuWorkerData {
  readonly index: number;
  readonly control: SharedArrayBuffer;
}

/** The vCPU, posted before another state than `Starting` is wanted. All descriptors are borrowed. */
export interface VcpuAssignment {
  readonly vcpuFd: number;
  /** Size of the `kvm_run` mapping. */
  readonly runStateBytes: number;
  readonly requestFd: number;
  readonly replyFd: number;
}

/** What a vCPU worker reports at its end. */
export type VcpuWorkerMessage =
  | {
      readonly type: 'ended';
      readonly index: number;
      readonly end: VcpuEnd;
      readonly report?: string;
    }
  | { readonly type: 'threw'; readonly index: number; readonly message: string };

/** Undefined when the machine came to nothing. */
function receiveAssignment(): VcpuAssignment | undefined {
  const received = parentPort === null ? undefined : receiveMessageOnPort(parentPort);
  // CAST: only vmm/vcpu-set.ts posts here, and only one VcpuAssignment.
  return received?.message as VcpuAssignment | undefined;
}

function main(data: VcpuWorkerData): VcpuWorkerMessage {
  const { index } = data;
  const control = new VcpuControl(data.control, index);
  try {
    control.waitWhileStarting();
    const assignment = receiveAssignment();
    if (assignment === undefined) {
      return { type: 'ended', index, end: { kind: 'stopped' } };
    }
    const vcpu = new VcpuFd(assignment.vcpuFd, assignment.runStateBytes);
    const pipe = new ExitPipe(assignment.requestFd, assignment.replyFd, index);
    control.setThreadId(registerVcpuThread(vcpu.immediateExitAddress));
    const end = runVcpu(vcpu, pipe, control);
    control.setThreadId(0);
    unregisterVcpuThread();
    if (end.kind === 'failed') {
      return { type: 'ended', index, end, report: describeVcpuFailure(vcpu) };
    }
    return { type: 'ended', index, end };
  } catch (error) {
    return { type: 'threw', index, message: describeError(error) };
  } finally {
    control.setPresent(VcpuState.Stop);
  }
}

// CAST: the only creator of this worker is vmm/vcpu-set.ts, which passes a VcpuWorkerData.
const message = main(workerData as VcpuWorkerData);
parentPort?.postMessage(message);
