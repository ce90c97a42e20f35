/**
 * Entry of the machine thread: builds the guest-visible machine from its specification, then answers exits and
 * events in one loop until the main thread says that it is over. It starts before there is anything to build, because
 * starting takes it longer than anything else.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { describeError } from '../../base/errors.ts';
import { Vm } from '../../hypervisor/vm.ts';
import type { MachineEvents } from '../../legacy/machine-events.ts';
import { ResetControl } from '../../legacy/reset-control.ts';
import {
  ECAM_SIZE,
  ECAM_START,
  LOW_MMIO_END,
  LOW_MMIO_START,
  PCI_IO_END,
  PCI_IO_START,
} from '../../memory/layout.ts';
import { CONFIG_PORTS, ConfigPorts, EcamWindow } from '../../pci/config-access.ts';
import { PciRoot } from '../../pci/pci-root.ts';
import { EPOLLIN } from '../../sys/epoll.ts';
import { drainEventFd } from '../../sys/eventfd.ts';
import { createIoeventBinder, createIrqBinder } from './binders.ts';
import { DeviceProxy } from './device-proxy.ts';
import { MachineLoop } from './loop.ts';
import { addPlatform, type Platform } from './platform.ts';
import type {
  DeviceSpec,
  MachineEvent,
  MachineRequest,
  MachineSpec,
  MachineThreadData,
} from './protocol.ts';

function post(event: MachineEvent): void {
  parentPort?.postMessage(event);
}

class Machine {
  readonly #loop: MachineLoop;
  readonly #vm: Vm;
  readonly #root: PciRoot;
  readonly #platform: Platform;
  readonly #proxies: DeviceProxy[] = [];

  constructor(loop: MachineLoop, spec: MachineSpec) {
    this.#loop = loop;
    this.#vm = Vm.borrow(spec.vmFd);
    const events: MachineEvents = {
      powerOff: () => {
        post({ type: 'powerOff' });
      },
      reset: (source) => {
        post({ type: 'reset', by: source });
      },
      guestPanic: (crashLoaded) => {
        if (!crashLoaded) {
          post({ type: 'panic' });
        }
      },
    };
    this.#root = createPciRoot(this.#loop, spec, new ResetControl(events));
    this.#platform = addPlatform({ loop: this.#loop, vm: this.#vm, events }, spec);
    for (const { requestFd, replyFd } of spec.vcpus) {
      this.#loop.addVcpu(requestFd, replyFd);
    }
  }

  addDevices(specs: readonly DeviceSpec[]): void {
    const irqBinder = createIrqBinder(this.#vm);
    const ioeventBinder = createIoeventBinder(this.#vm);
    specs.forEach((spec, index) => {
      const proxy = new DeviceProxy({
        spec,
        epoll: this.#loop.epoll,
        irqBinder,
        ioeventBinder,
        onLost: (reason, isGone) => {
          post({ type: 'deviceLost', index, reason, isGone });
        },
      });
      this.#proxies.push(proxy);
      this.#root.add(proxy.transport.fn);
    });
  }

  pressPowerButton(): void {
    this.#platform.acpiPm.pressPowerButton();
  }

  closeDevices(): void {
    for (const proxy of this.#proxies) {
      proxy.close();
    }
  }
}

function createPciRoot(loop: MachineLoop, spec: MachineSpec, reset: ResetControl): PciRoot {
  const root = new PciRoot({
    memoryBus: loop.mmio,
    ioBus: loop.pio,
    windows: {
      lowMemory: { start: LOW_MMIO_START, sizeBytes: LOW_MMIO_END - LOW_MMIO_START },
      highMemory: spec.highMmio,
      io: { start: PCI_IO_START, sizeBytes: PCI_IO_END - PCI_IO_START },
    },
  });
  loop.pio.insert(CONFIG_PORTS, new ConfigPorts(root, reset));
  loop.mmio.insert({ start: ECAM_START, sizeBytes: ECAM_SIZE }, new EcamWindow(root));
  return root;
}

/** The thread: waits for a machine to build, then runs it until the main thread says that it is over. */
class Thread {
  readonly #loop = new MachineLoop();
  #machine: Machine | undefined;

  run(wakeFd: number): void {
    this.#loop.epoll.add(wakeFd, EPOLLIN, () => {
      drainEventFd(wakeFd);
      this.#receiveAll();
    });
    this.#loop.run();
    this.#machine?.closeDevices();
    const { pio, mmio } = this.#loop;
    const unhandledAccesses =
      pio.unhandledReads + pio.unhandledWrites + mmio.unhandledReads + mmio.unhandledWrites;
    post({ type: 'finished', unhandledAccesses });
  }

  #receiveAll(): void {
    const port = parentPort;
    if (port === null) {
      return;
    }
    for (let item = receiveMessageOnPort(port); item; item = receiveMessageOnPort(port)) {
      // CAST: only the main thread of this program posts here, and only MachineRequests.
      this.#handle(item.message as MachineRequest);
    }
  }

  #handle(request: MachineRequest): void {
    switch (request.type) {
      case 'build':
        this.#machine = new Machine(this.#loop, request.spec);
        break;
      case 'addDevices':
        this.#machine?.addDevices(request.devices);
        post({ type: 'devicesAdded' });
        break;
      case 'powerButton':
        this.#machine?.pressPowerButton();
        break;
      case 'finish':
        this.#loop.stop();
        break;
    }
  }
}

function main({ wakeFd }: MachineThreadData): void {
  try {
    new Thread().run(wakeFd);
  } catch (error) {
    post({ type: 'failed', message: describeError(error) });
  }
}

// CAST: the only creator of this worker is vmm/machine/handle.ts, which passes a MachineThreadData.
main(workerData as MachineThreadData);
