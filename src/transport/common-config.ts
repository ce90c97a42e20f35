/**
 * The common configuration structure (virtio 1.3 §4.1.4.3): one table of registers drives reads and writes, and the
 * rules of negotiation (§3.1) stand beside it. What a status or a vector write sets off is the owner's.
 */
import { type AccessSize, allOnes, type BusDevice } from '../bus/bus-device.ts';
import {
  VIRTIO_CONFIG_S_ACKNOWLEDGE,
  VIRTIO_CONFIG_S_DRIVER,
  VIRTIO_CONFIG_S_DRIVER_OK,
  VIRTIO_CONFIG_S_FAILED,
  VIRTIO_CONFIG_S_FEATURES_OK,
  VIRTIO_F_VERSION_1,
  VIRTIO_MSI_NO_VECTOR,
} from './constants.ts';
import { createQueueConfig, isQueueSize, type QueueConfig } from './queue-config.ts';

/** The registers, as plain data. */
export interface CommonConfigState {
  deviceFeatureSelect: number;
  driverFeatureSelect: number;
  /** Features that the driver accepted: bits 0..31, 32..63, 64..95, 96..127. */
  readonly driverFeatures: [number, number, number, number];
  configVector: number;
  status: number;
  generation: number;
  queueSelect: number;
  queues: QueueConfig[];
  /** A reset is under way: the status reads as before, and writes are refused. */
  isResetting: boolean;
}

/** What the registers act on. */
export interface CommonConfigOwner {
  /** The driver wrote 0 to the status. */
  onResetRequested(): void;
  /** The driver has just set DRIVER_OK. */
  onDriverOk(): void;
  /**
   * The driver chose another vector for configuration changes.
   *
   * @returns what the register then reads: the vector, or VIRTIO_MSI_NO_VECTOR for one that there is not.
   */
  setConfigVector(vector: number): number;
  /** The same for a queue. */
  setQueueVector(queueIndex: number, vector: number): number;
}

/** One register. A width of 8 bytes is two registers of 4. */
interface Register {
  readonly name: string;
  readonly offset: number;
  readonly width: AccessSize;
  readonly read: (config: CommonConfig) => number;
  /** Returns false to refuse the write. Absent from read-only registers. */
  readonly write?: (config: CommonConfig, value: number) => boolean;
}

type AddressField =
  | 'descriptorLow'
  | 'descriptorHigh'
  | 'driverLow'
  | 'driverHigh'
  | 'deviceLow'
  | 'deviceHigh';

/** A half of a queue's address; fixed once the queue is enabled. */
function addressRegister(name: string, offset: number, field: AddressField): Register {
  return {
    name,
    offset,
    width: 4,
    read: (config) => config.selectedQueue?.[field] ?? 0,
    write: (config, value) =>
      config.changeQueue((queue) => {
        queue[field] = value;
        return true;
      }),
  };
}

export const COMMON_CONFIG_REGISTERS: readonly Register[] = [
  {
    name: 'device_feature_select',
    offset: 0x00,
    width: 4,
    read: ({ state }) => state.deviceFeatureSelect,
    write: ({ state }, value) => {
      state.deviceFeatureSelect = value;
      return true;
    },
  },
  {
    name: 'device_feature',
    offset: 0x04,
    width: 4,
    read: (config) => featureWord(config.offeredFeatures, config.state.deviceFeatureSelect),
  },
  {
    name: 'driver_feature_select',
    offset: 0x08,
    width: 4,
    read: ({ state }) => state.driverFeatureSelect,
    write: ({ state }, value) => {
      state.driverFeatureSelect = value;
      return true;
    },
  },
  {
    name: 'driver_feature',
    offset: 0x0c,
    width: 4,
    read: ({ state }) => state.driverFeatures[state.driverFeatureSelect] ?? 0,
    write: (config, value) => config.writeDriverFeatures(value),
  },
  {
    name: 'config_msix_vector',
    offset: 0x10,
    width: 2,
    read: ({ state }) => state.configVector,
    write: ({ state, owner }, value) => {
      state.configVector = owner.setConfigVector(value);
      return state.configVector === value;
    },
  },
  { name: 'num_queues', offset: 0x12, width: 2, read: ({ state }) => state.queues.length },
  {
    name: 'device_status',
    offset: 0x14,
    width: 1,
    read: ({ state }) => state.status,
    write: (config, value) => config.writeStatus(value),
  },
  { name: 'config_generation', offset: 0x15, width: 1, read: ({ state }) => state.generation },
  {
    name: 'queue_select',
    offset: 0x16,
    width: 2,
    read: ({ state }) => state.queueSelect,
    write: ({ state }, value) => {
      state.queueSelect = value;
      return true;
    },
  },
  {
    name: 'queue_size',
    offset: 0x18,
    width: 2,
    read: (config) => config.selectedQueue?.size ?? 0,
    write: (config, value) =>
      config.changeQueue((queue) => {
        const isAllowed = isQueueSize(value, queue.maxSize);
        queue.size = isAllowed ? value : queue.size;
        return isAllowed;
      }),
  },
  {
    name: 'queue_msix_vector',
    offset: 0x1a,
    width: 2,
    read: (config) => config.selectedQueue?.msixVector ?? 0,
    write: (config, value) => config.writeQueueVector(value),
  },
  {
    name: 'queue_enable',
    offset: 0x1c,
    width: 2,
    read: (config) => (config.selectedQueue?.isEnabled === true ? 1 : 0),
    write: (config, value) => config.enableQueue(value),
  },
  {
    name: 'queue_notify_off',
    offset: 0x1e,
    width: 2,
    read: (config) => (config.selectedQueue === undefined ? 0 : config.state.queueSelect),
  },
  addressRegister('queue_desc, lower half', 0x20, 'descriptorLow'),
  addressRegister('queue_desc, upper half', 0x24, 'descriptorHigh'),
  addressRegister('queue_driver, lower half', 0x28, 'driverLow'),
  addressRegister('queue_driver, upper half', 0x2c, 'driverHigh'),
  addressRegister('queue_device, lower half', 0x30, 'deviceLow'),
  addressRegister('queue_device, upper half', 0x34, 'deviceHigh'),
  // The features behind the rest (NOTIF_CONFIG_DATA, RING_RESET, ADMIN_VQ) are not offered.
  { name: 'queue_notif_config_data', offset: 0x38, width: 2, read: () => 0 },
  { name: 'queue_reset', offset: 0x3a, width: 2, read: () => 0 },
  { name: 'admin_queue_index', offset: 0x3c, width: 2, read: () => 0 },
  { name: 'admin_queue_num', offset: 0x3e, width: 2, read: () => 0 },
];

export const COMMON_CONFIG_BYTES = 0x40;

/** Bits that a driver sets. */
const DRIVER_STATUS_BITS =
  VIRTIO_CONFIG_S_ACKNOWLEDGE |
  VIRTIO_CONFIG_S_DRIVER |
  VIRTIO_CONFIG_S_FEATURES_OK |
  VIRTIO_CONFIG_S_DRIVER_OK |
  VIRTIO_CONFIG_S_FAILED;

/** The registers of one device. */
export class CommonConfig implements BusDevice {
  readonly name: string;
  readonly offeredFeatures: bigint;
  readonly state: CommonConfigState;
  readonly owner: CommonConfigOwner;
  /** Writes that broke a rule of the specification and changed nothing. */
  refusedWrites = 0;
  /** By offset; most entries are empty. */
  readonly #registers: (Register | undefined)[];

  constructor(
    name: string,
    offeredFeatures: bigint,
    queueSizes: readonly number[],
    owner: CommonConfigOwner,
  ) {
    this.name = name;
    this.offeredFeatures = offeredFeatures;
    this.owner = owner;
    this.state = {
      deviceFeatureSelect: 0,
      driverFeatureSelect: 0,
      driverFeatures: [0, 0, 0, 0],
      configVector: VIRTIO_MSI_NO_VECTOR,
      status: 0,
      generation: 0,
      queueSelect: 0,
      queues: queueSizes.map(createQueueConfig),
      isResetting: false,
    };
    this.#registers = Array.from({ length: COMMON_CONFIG_BYTES });
    for (const register of COMMON_CONFIG_REGISTERS) {
      this.#registers[register.offset] = register;
    }
  }

  /** Drivers access each register whole (§4.1.3.1); anything else reads as all ones. */
  read(offset: number, size: AccessSize): number {
    const register = this.#registers[offset];
    return register?.width === size ? register.read(this) >>> 0 : allOnes(size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    const register = this.#registers[offset];
    const isAccepted =
      register?.width === size && !this.state.isResetting && register.write?.(this, value) === true;
    if (!isAccepted) {
      this.refusedWrites++;
    }
  }

  /** The features that both sides have agreed on. */
  get acceptedFeatures(): bigint {
    return this.state.driverFeatures.reduceRight((all, word) => (all << 32n) | BigInt(word), 0n);
  }

  get isDriverOk(): boolean {
    return (this.state.status & VIRTIO_CONFIG_S_DRIVER_OK) !== 0;
  }

  get selectedQueue(): QueueConfig | undefined {
    return this.state.queues[this.state.queueSelect];
  }

  /** Back to what the driver found at first; the generation goes on counting. */
  reset(): void {
    const { state } = this;
    state.deviceFeatureSelect = 0;
    state.driverFeatureSelect = 0;
    state.driverFeatures.fill(0);
    state.configVector = VIRTIO_MSI_NO_VECTOR;
    state.status = 0;
    state.queueSelect = 0;
    state.queues = state.queues.map((queue) => createQueueConfig(queue.maxSize));
    state.isResetting = false;
  }

  /** Changes the selected queue while it is not enabled. */
  changeQueue(change: (queue: QueueConfig) => boolean): boolean {
    const queue = this.selectedQueue;
    return queue !== undefined && !queue.isEnabled && change(queue);
  }

  /** A driver enables queues before DRIVER_OK, and disables them only by a reset. */
  enableQueue(value: number): boolean {
    return this.changeQueue((queue) => {
      const isAllowed = value === 1 && !this.isDriverOk;
      queue.isEnabled = isAllowed;
      return isAllowed;
    });
  }

  writeQueueVector(vector: number): boolean {
    const queue = this.selectedQueue;
    if (queue === undefined) {
      return false;
    }
    queue.msixVector = this.owner.setQueueVector(this.state.queueSelect, vector);
    return queue.msixVector === vector;
  }

  /** Features are the driver's to choose until it says FEATURES_OK. */
  writeDriverFeatures(value: number): boolean {
    const { driverFeatures, driverFeatureSelect, status } = this.state;
    const isFixed = (status & VIRTIO_CONFIG_S_FEATURES_OK) !== 0;
    if (isFixed || driverFeatureSelect >= driverFeatures.length) {
      return false;
    }
    driverFeatures[driverFeatureSelect] = value;
    return true;
  }

  /** Bits are only ever added, and only where §3.1.1 lets the driver be; 0 asks for a reset. */
  writeStatus(value: number): boolean {
    if (value === 0) {
      this.owner.onResetRequested();
      return true;
    }
    const { state } = this;
    let added = value & DRIVER_STATUS_BITS & ~state.status;
    const refused: number[] = [];
    if ((added & VIRTIO_CONFIG_S_FEATURES_OK) !== 0 && !this.#areFeaturesAcceptable()) {
      refused.push(VIRTIO_CONFIG_S_FEATURES_OK);
    }
    const isNegotiated =
      ((state.status | added) & VIRTIO_CONFIG_S_FEATURES_OK) !== 0 && refused.length === 0;
    const isFailed = ((state.status | added) & VIRTIO_CONFIG_S_FAILED) !== 0;
    if ((added & VIRTIO_CONFIG_S_DRIVER_OK) !== 0 && (!isNegotiated || isFailed)) {
      refused.push(VIRTIO_CONFIG_S_DRIVER_OK);
    }
    for (const bit of refused) {
      added &= ~bit;
    }
    state.status |= added;
    if ((added & VIRTIO_CONFIG_S_DRIVER_OK) !== 0) {
      this.owner.onDriverOk();
    }
    // A driver that leaves out a bit which it has set before is wrong, but keeps the bit.
    const hasDropped = (state.status & DRIVER_STATUS_BITS & ~value) !== 0;
    return refused.length === 0 && !hasDropped;
  }

  #areFeaturesAcceptable(): boolean {
    const accepted = this.acceptedFeatures;
    const hasVersion1 = (accepted & VIRTIO_F_VERSION_1) !== 0n;
    return hasVersion1 && (accepted & ~this.offeredFeatures) === 0n;
  }
}

function featureWord(features: bigint, word: number): number {
  return word < 4 ? Number((features >> BigInt(32 * word)) & 0xffff_ffffn) : 0;
}
