/** All vCPUs of a machine as the main thread sees them: their worker threads, started, paused, resumed, stopped. */
import { Worker } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { HostError } from '../base/errors.ts';
import type { Kvm } from '../hypervisor/kvm.ts';
import type { Vm } from '../hypervisor/vm.ts';
import type { OwnedFd } from '../sys/fd.ts';
import { installKickHandler, kickThread } from '../sys/native.ts';
import { createPipe } from '../sys/pipe.ts';
import { VcpuControl, VcpuState } from '../vcpu/control-block.ts';
import type { VcpuEnd } from '../vcpu/run-loop.ts';
import type { VcpuAssignment, VcpuWorkerData, VcpuWorkerMessage } from '../vcpu/worker.ts';
import type { VcpuPipeEnds, VcpuSharing } from './machine/protocol.ts';
import { threadScript } from './project-files.ts';

/** SIGRTMIN of glibc programs, whose first two real-time signals belong to its threads. */
const KICK_SIGNAL = 34;
/** How long a vCPU may take to leave the guest. An emulated host is slow. */
const STATE_TIMEOUT_MS = 10_000;

/** Told how a vCPU ended. */
export type VcpuEndHandler = (index: number, end: VcpuEnd, report: string | undefined) => void;

function startWorker(data: VcpuWorkerData, control: VcpuControl, onEnd: VcpuEndHandler): Worker {
  const worker = new Worker(threadScript('vcpuWorker'), {
    name: `vcpu${data.index}`,
    workerData: data,
  });
  worker.on('message', (message: VcpuWorkerMessage) => {
    control.setPresent(VcpuState.Stop);
    if (message.type === 'ended') {
      onEnd(message.index, message.end, message.report);
    } else {
      onEnd(message.index, { kind: 'failed', reason: 0 }, message.message);
    }
  });
  worker.on('error', (error) => {
    control.setPresent(VcpuState.Stop);
    onEnd(data.index, { kind: 'failed', reason: 0 }, error.message);
  });
  return worker;
}

interface VcpuThread {
  readonly worker: Worker;
  readonly control: VcpuControl;
}

/** What a thread has once there is a machine. */
interface AssignedVcpu {
  readonly fd: OwnedFd;
  readonly pipes: VcpuPipeEnds;
}

export class VcpuSet {
  readonly #threads: readonly VcpuThread[];
  /** Made by {@link VcpuControl.allocate}. */
  readonly #control: SharedArrayBuffer;
  #vcpus: readonly AssignedVcpu[] = [];

  /** Starts the threads, which load and then wait for {@link assign}. */
  constructor(count: number, onEnd: VcpuEndHandler) {
    installKickHandler(KICK_SIGNAL);
    const shared = VcpuControl.allocate(count);
    this.#control = shared;
    this.#threads = Array.from({ length: count }, (_, index) => {
      const control = new VcpuControl(shared, index);
      return { worker: startWorker({ index, control: shared }, control, onEnd), control };
    });
  }

  /** Creates the vCPUs and their pipes and gives them to the threads, paused. */
  assign(kvm: Kvm, vm: Vm): void {
    const runStateBytes = kvm.getVcpuMmapSize();
    this.#vcpus = this.#threads.map(({ worker, control }, index) => {
      const fd = vm.createVcpu(index);
      const request = createPipe();
      const reply = createPipe();
      const assignment: VcpuAssignment = {
        vcpuFd: fd.raw,
        runStateBytes,
        requestFd: request.writeEnd.take(),
        replyFd: reply.readEnd.take(),
      };
      worker.postMessage(assignment);
      // ORDER: after the message, which the thread takes without waiting.
      control.setWanted(VcpuState.Pause);
      return {
        fd,
        pipes: { requestFd: request.readEnd.take(), replyFd: reply.writeEnd.take() },
      };
    });
  }

  /** The machine thread's ends of the pipes, in the order of the vCPUs. */
  get pipes(): readonly VcpuPipeEnds[] {
    return this.#vcpus.map((vcpu) => vcpu.pipes);
  }

  /** What the machine thread shares with all vCPUs; after {@link assign}. */
  get sharing(): VcpuSharing {
    const [first] = this.#vcpus;
    assert(first !== undefined, 'the vCPUs were assigned');
    return { ringFd: first.fd.raw, control: this.#control };
  }

  /** Descriptors of the vCPUs, borrowed, for setting registers before {@link resume}. */
  get fds(): readonly number[] {
    return this.#vcpus.map((vcpu) => vcpu.fd.raw);
  }

  resume(): void {
    for (const { control } of this.#threads) {
      control.setWanted(VcpuState.Run);
    }
  }

  /** Takes all vCPUs out of the guest. */
  async pause(): Promise<void> {
    await this.#reach(VcpuState.Pause);
  }

  /** Ends all loops; the threads end with them. */
  async stop(): Promise<void> {
    await this.#reach(VcpuState.Stop);
  }

  /** Exits of all vCPUs for a KVM_EXIT_* reason. */
  exitCount(reason: number): number {
    return this.#threads.reduce((sum, { control }) => sum + control.exitCount(reason), 0);
  }

  async #reach(state: VcpuState): Promise<void> {
    for (const { control } of this.#threads) {
      control.setWanted(state);
    }
    const reached = await Promise.all(
      this.#threads.map(({ control }) => control.waitForState(state, kickThread, STATE_TIMEOUT_MS)),
    );
    const stuck = reached.indexOf(false);
    if (stuck >= 0) {
      throw new HostError('ERR_VCPU_STUCK', `vCPU ${stuck} did not leave the guest`);
    }
  }
}
