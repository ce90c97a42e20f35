/** The machine thread as the main thread sees it. */
import { Worker } from 'node:worker_threads';
import { createEventFd, signalEventFd } from '../../sys/eventfd.ts';
import type { OwnedFd } from '../../sys/fd.ts';
import { threadScript } from '../project-files.ts';
import type {
  DeviceSpec,
  MachineEvent,
  MachineRequest,
  MachineSpec,
  MachineThreadData,
} from './protocol.ts';

/** Starts the machine thread, talks to it, and ends it. */
export class MachineThread {
  readonly #wake: OwnedFd = createEventFd();
  readonly #worker: Worker;
  readonly #finished: Promise<void>;
  readonly #handler: (event: MachineEvent) => void;
  #onDevicesAdded: () => void = () => undefined;

  /** @param handler called for each event, in this thread. */
  constructor(handler: (event: MachineEvent) => void) {
    const data: MachineThreadData = { wakeFd: this.#wake.raw };
    this.#handler = handler;
    this.#worker = new Worker(threadScript('machineThread'), {
      name: 'machine',
      workerData: data,
    });
    this.#finished = new Promise((resolve) => {
      this.#worker.on('message', (event: MachineEvent) => {
        if (event.type === 'devicesAdded') {
          this.#onDevicesAdded();
        }
        this.#handler(event);
        if (event.type === 'finished' || event.type === 'failed') {
          resolve();
        }
      });
      this.#worker.on('error', (error) => {
        this.#handler({ type: 'failed', message: error.message });
        resolve();
      });
    });
  }

  /** Builds the machine, as soon as the thread has loaded. */
  build(spec: MachineSpec): void {
    this.post({ type: 'build', spec });
  }

  post(request: MachineRequest): void {
    this.#worker.postMessage(request);
    signalEventFd(this.#wake.raw);
  }

  /** Puts devices on the bus; resolves when the guest can see them. */
  async addDevices(devices: readonly DeviceSpec[]): Promise<void> {
    const added = new Promise<void>((resolve) => {
      this.#onDevicesAdded = resolve;
    });
    this.post({ type: 'addDevices', devices });
    await Promise.race([added, this.#finished]);
  }

  /** Ends the loop and waits for that; output that still waits is written. */
  async finish(): Promise<void> {
    this.post({ type: 'finish' });
    await this.#finished;
  }
}
