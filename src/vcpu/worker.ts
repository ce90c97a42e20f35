/**
 * Entry of a vCPU's worker thread: waits until it is wanted, runs the vCPU until its end, reports that, ends.
 *
 * Registers, CPUID and the rest were set by the main thread before this thread touches the vCPU.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { describeError } from '../base/errors.ts';
import { VcpuFd } from '../hypervisor/vcpu-fd.ts';
import { ExitPipe } from '../ipc/exit-pipe.ts';
import { registerVcpuThread, unregisterVcpuThread } from '../sys/native.ts';
import { VcpuControl, VcpuState } from './control-block.ts';
import { describeVcpuFailure } from './exit.ts';
import { runVcpu, type VcpuEnd } from './run-loop.ts';

/** What the main thread hands to a vCPU worker. All descriptors are borrowed. */
export interface VcpuWorkerData {
  readonly index: number;
  readonly vcpuFd: number;
  /** Size of the `kvm_run` mapping. */
  readonly runStateBytes: number;
  readonly requestFd: number;
  readonly replyFd: number;
  readonly control: SharedArrayBuffer;
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

function main(data: VcpuWorkerData): VcpuWorkerMessage {
  const { index } = data;
  const control = new VcpuControl(data.control, index);
  try {
    const vcpu = new VcpuFd(data.vcpuFd, data.runStateBytes);
    const pipe = new ExitPipe(data.requestFd, data.replyFd, index);
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
