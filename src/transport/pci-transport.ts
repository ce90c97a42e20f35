/**
 * A virtio device as a PCI function (virtio 1.3 §4.1): everything of it that the parent runs. Virtqueues and backends
 * are in the device's process, behind {@link DevicePort}.
 *
 * ```ts
 * using events = new TransportEvents(queueSizes.length);
 * const transport = new PciTransport({ name: 'rng0', deviceType: 4, features, queueSizes, config, events, isr, port,
 *   irqBinder, ioeventBinder });
 * root.add(transport.fn);
 * // later, in the machine thread:
 * transport.onConfigChanged(bytes);  transport.onResetDone();  transport.onNeedsReset();  transport.onResample();
 * ```
 *
 * ```
 *   inactive --DRIVER_OK--> active --status 0--> resetting --onResetDone--> inactive
 * ```
 */
import { ProtocolError } from '../base/errors.ts';
import { FaultLog } from '../base/fault-log.ts';
import {
  DEVICE_CONFIG_BYTES_MAX,
  QUEUE_COUNT_MAX,
  type QueueSetup,
} from '../ipc/device-protocol.ts';
import { PciFunction } from '../pci/function.ts';
import type { IrqBinder } from '../pci/irq-binder.ts';
import {
  addConfigAccessCapability,
  addStructureCapabilities,
  BAR_BYTES,
  BAR_INDEX,
  MSIX_PENDING_OFFSET,
  MSIX_TABLE_OFFSET,
} from './capabilities.ts';
import { CommonConfig } from './common-config.ts';
import {
  UNSUPPORTED_FEATURES,
  VIRTIO_CONFIG_S_NEEDS_RESET,
  VIRTIO_F_VERSION_1,
  VIRTIO_PCI_DEVICE_ID_BASE,
  VIRTIO_PCI_REVISION,
  VIRTIO_PCI_VENDOR_ID,
} from './constants.ts';
import { classCodeOf } from './device-class.ts';
import type { DevicePort } from './device-port.ts';
import type { TransportEvents } from './events.ts';
import { TransportInterrupts } from './interrupts.ts';
import { type IoeventBinder, Notifier } from './notifier.ts';
import { isMaxQueueSize, queueSetupOf } from './queue-config.ts';
import { DeviceConfigArea, IsrStatus, StructureBar } from './structure-bar.ts';

export interface PciTransportOptions {
  /** For logs and counters, `block0` for example. */
  readonly name: string;
  /** virtio 1.3 §5: 1 network, 2 block, and so on. */
  readonly deviceType: number;
  /** Features that the device offers; those that are the transport's own are added or removed here. */
  readonly features: bigint;
  /** Largest size of each queue: powers of two. */
  readonly queueSizes: readonly number[];
  /** Device configuration as first published. */
  readonly config: Uint8Array;
  /** Borrowed for the life of the transport; one entry for each queue. */
  readonly events: TransportEvents;
  /** The ISR word of the page shared with the device, one element long. */
  readonly isr: Int32Array;
  readonly port: DevicePort;
  readonly irqBinder: IrqBinder;
  readonly ioeventBinder: IoeventBinder;
}

/** The parent's half of one virtio device. Used in the machine thread only. */
export class PciTransport {
  readonly name: string;
  readonly fn: PciFunction;
  readonly commonConfig: CommonConfig;
  readonly interrupts: TransportInterrupts;
  readonly notifier: Notifier;
  readonly #deviceConfig: DeviceConfigArea;
  readonly #events: TransportEvents;
  readonly #port: DevicePort;
  /** A guest may provoke these as often as it likes. */
  readonly #faults: FaultLog;
  #isActive = false;

  /** @throws ERR_DEVICE_QUEUES, ERR_DEVICE_CONFIG_SIZE for a description that no device may give. */
  constructor(options: PciTransportOptions) {
    checkDescription(options);
    const { name, events } = options;
    this.name = name;
    this.#faults = new FaultLog(name);
    this.#events = events;
    this.#port = options.port;
    this.fn = createFunction(name, options.deviceType);
    this.interrupts = new TransportInterrupts({
      fn: this.fn,
      binder: options.irqBinder,
      events,
      isr: options.isr,
    });
    const features = (options.features & ~UNSUPPORTED_FEATURES) | VIRTIO_F_VERSION_1;
    this.commonConfig = new CommonConfig(`${name}-common`, features, options.queueSizes, {
      onResetRequested: () => {
        this.#requestReset();
      },
      onDriverOk: () => {
        this.#activate();
      },
      setConfigVector: (vector) => this.interrupts.setConfigVector(vector),
      setQueueVector: (index, vector) => this.interrupts.setQueueVector(index, vector),
    });
    const kicks = events.queues.map(({ kick }) => kick.raw);
    this.notifier = new Notifier(`${name}-notify`, kicks, options.ioeventBinder);
    this.#deviceConfig = new DeviceConfigArea(options.config, options.port);
    this.#addToFunction();
  }

  get isActive(): boolean {
    return this.#isActive;
  }

  /** The device has stopped after {@link DevicePort.reset}: the driver sees status 0 from now on. */
  onResetDone(): void {
    if (this.commonConfig.state.isResetting) {
      this.#finishReset();
    }
  }

  /**
   * The device published a new configuration.
   *
   * @throws ERR_DEVICE_CONFIG_SIZE when it is longer than the structure.
   */
  onConfigChanged(bytes: Uint8Array): void {
    checkConfigSize(this.name, bytes);
    this.#deviceConfig.publish(bytes);
    const { state } = this.commonConfig;
    state.generation = (state.generation + 1) & 0xff;
    this.#interruptDriver();
  }

  /** The device cannot go on: the driver has to reset it (virtio 1.3 §2.1.2). One that is not active has no driver. */
  onNeedsReset(): void {
    if (this.#isActive) {
      this.#demandReset();
    }
  }

  /** The resample eventfd is readable: an INTx interrupt has ended. */
  onResample(): void {
    this.interrupts.onResample();
  }

  #requestReset(): void {
    if (!this.#isActive) {
      this.#finishReset();
      return;
    }
    this.#isActive = false;
    this.commonConfig.state.isResetting = true;
    this.notifier.setActive(false);
    this.#port.reset();
  }

  #activate(): void {
    const queues = this.#enabledQueues();
    if (queues === undefined) {
      this.#faults.note(
        'warn',
        'the driver gave a queue an impossible address; it has to reset the device',
      );
      this.#demandReset();
      return;
    }
    this.#isActive = true;
    this.interrupts.setActive(true);
    this.notifier.setActive(true);
    this.#port.activate(this.commonConfig.acceptedFeatures, queues);
  }

  #addToFunction(): void {
    const bar = this.fn.addBar(BAR_INDEX, {
      kind: 'memory32',
      sizeBytes: BAR_BYTES,
      device: new StructureBar({
        name: this.name,
        commonConfig: this.commonConfig,
        isr: new IsrStatus(() => this.interrupts.takeIsr()),
        deviceConfig: this.#deviceConfig,
        notify: this.notifier,
        msixTable: this.interrupts.msix.table,
        msixPendingBits: this.interrupts.msix.pendingBits,
      }),
      onMapped: (address) => {
        this.notifier.setBarAddress(address);
      },
    });
    addStructureCapabilities(this.fn);
    addConfigAccessCapability(this.fn, bar);
    const msix = this.interrupts.msix.capability({
      barIndex: BAR_INDEX,
      tableOffset: MSIX_TABLE_OFFSET,
      pendingOffset: MSIX_PENDING_OFFSET,
    });
    this.interrupts.connectMsix(this.fn.capabilities.add(msix));
  }

  /** `undefined` when one of them cannot be. */
  #enabledQueues(): readonly QueueSetup[] | undefined {
    const setups: QueueSetup[] = [];
    for (const [index, queue] of this.commonConfig.state.queues.entries()) {
      if (!queue.isEnabled) {
        continue;
      }
      const setup = queueSetupOf(index, queue);
      if (setup === undefined) {
        return undefined;
      }
      setups.push(setup);
    }
    return setups;
  }

  #demandReset(): void {
    this.commonConfig.state.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    this.#interruptDriver();
  }

  #finishReset(): void {
    this.notifier.setActive(false);
    this.interrupts.reset();
    this.commonConfig.reset();
    this.#events.drain();
  }

  /** A driver that has not said DRIVER_OK is not to be interrupted. */
  #interruptDriver(): void {
    if (this.commonConfig.isDriverOk && !this.commonConfig.state.isResetting) {
      this.interrupts.raiseConfigInterrupt();
    }
  }
}

function createFunction(name: string, deviceType: number): PciFunction {
  const deviceId = VIRTIO_PCI_DEVICE_ID_BASE + deviceType;
  return new PciFunction(name, {
    vendorId: VIRTIO_PCI_VENDOR_ID,
    deviceId,
    classCode: classCodeOf(deviceType),
    revision: VIRTIO_PCI_REVISION,
    subsystemVendorId: VIRTIO_PCI_VENDOR_ID,
    subsystemId: deviceId,
  });
}

function checkDescription({ name, queueSizes, config, events }: PciTransportOptions): void {
  const isCount = queueSizes.length > 0 && queueSizes.length <= QUEUE_COUNT_MAX;
  if (!isCount || queueSizes.length !== events.queues.length || !queueSizes.every(isMaxQueueSize)) {
    throw new ProtocolError(
      'ERR_DEVICE_QUEUES',
      `${name} offers queues of sizes [${queueSizes.join(', ')}]; there must be ${events.queues.length}, each a power of two`,
    );
  }
  checkConfigSize(name, config);
}

function checkConfigSize(name: string, config: Uint8Array): void {
  if (config.length > DEVICE_CONFIG_BYTES_MAX) {
    throw new ProtocolError(
      'ERR_DEVICE_CONFIG_SIZE',
      `${name} has ${config.length} bytes of configuration; at most ${DEVICE_CONFIG_BYTES_MAX} fit`,
    );
  }
}
