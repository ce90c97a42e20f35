/** All vCPUs of a machine as the main thread sees them: their worker threads, started, paused, resumed, stopped. */
import { Worker } from 'node:worker_threads';
import { HostError } from '../base/errors.ts';
import type { Kvm } from '../hypervisor/kvm.ts';
import type { Vm } from '../hypervisor/vm.ts';
import type { OwnedFd } from '../sys/fd.ts';
import { installKickHandler, kickThread } from '../sys/native.ts';
import { createPipe } from '../sys/pipe.ts';
import { VcpuControl, VcpuState } from '../vcpu/control-block.ts';
import type { VcpuEnd } from '../vcpu/run-loop.ts';
import type { VcpuWorkerData, VcpuWorkerMessage } from '../vcpu/worker.ts';
import type { VcpuPipeEnds } from './machine/protocol.ts';
import { threadScript } from './project-files.ts';

/** SIGRTMIN of glibc programs, whose first two real-time signals belong to its threads. */
const KICK_SIGNAL = 34;
/** How long a vCPU may take to leave the guest. An emulated host is slow. */
const STATE_TIMEOUT_MS = 10_000;

/** Told how a vCPU ended. */
export type VcpuEndHandler = (index: number, end: VcpuEnd, report: string | undefined) => void;

interface VcpuThread {
  readonly fd: OwnedFd;
  readonly control: VcpuControl;
  readonly pipes: VcpuPipeEnds;
  readonly data: VcpuWorkerData;
}

export class VcpuSet {
  readonly #threads: readonly VcpuThread[];
  #isStarted = false;

  private constructor(threads: readonly VcpuThread[]) {
    this.#threads = threads;
  }

  /** Creates the vCPUs and their pipes; no thread runs yet. */
  static create(kvm: Kvm, vm: Vm, count: number): VcpuSet {
    const control = VcpuControl.allocate(count);
    const runStateBytes = kvm.getVcpuMmapSize();
    const threads: VcpuThread[] = [];
    for (let index = 0; index < count; index++) {
      const fd = vm.createVcpu(index);
      const request = createPipe();
      const reply = createPipe();
      threads.push({
        fd,
        control: new VcpuControl(control, index),
        pipes: { requestFd: request.readEnd.take(), replyFd: reply.writeEnd.take() },
        data: {
          index,
          vcpuFd: fd.raw,
          runStateBytes,
          requestFd: request.writeEnd.take(),
          replyFd: reply.readEnd.take(),
          control,
        },
      });
    }
    return new VcpuSet(threads);
  }

  /** The machine thread's ends of the pipes, in the order of the vCPUs. */
  get pipes(): readonly VcpuPipeEnds[] {
    return this.#threads.map((thread) => thread.pipes);
  }

  /** Descriptors of the vCPUs, borrowed, for setting registers before {@link resume}. */
  get fds(): readonly number[] {
    return this.#threads.map((thread) => thread.fd.raw);
  }

  /** Starts the threads, paused. */
  start(onEnd: VcpuEndHandler): void {
    installKickHandler(KICK_SIGNAL);
    this.#isStarted = true;
    for (const { data, control } of this.#threads) {
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
    }
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
    if (this.#isStarted) {
      await this.#reach(VcpuState.Stop);
    }
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
