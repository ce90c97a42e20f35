/** One virtqueue while the driver sets it up, and the check that turns it into what a device is given. */
import { QUEUE_SIZE_MAX, type QueueSetup } from '../ipc/device-protocol.ts';
import { VIRTIO_MSI_NO_VECTOR } from './constants.ts';

/** Plain data: the registers of one queue (virtio 1.3 §4.1.4.3). Addresses in halves, as the driver writes them. */
export interface QueueConfig {
  readonly maxSize: number;
  size: number;
  msixVector: number;
  isEnabled: boolean;
  descriptorLow: number;
  descriptorHigh: number;
  driverLow: number;
  driverHigh: number;
  deviceLow: number;
  deviceHigh: number;
}

/** A queue as a reset leaves it. */
export function createQueueConfig(maxSize: number): QueueConfig {
  return {
    maxSize,
    size: maxSize,
    msixVector: VIRTIO_MSI_NO_VECTOR,
    isEnabled: false,
    descriptorLow: 0,
    descriptorHigh: 0,
    driverLow: 0,
    driverHigh: 0,
    deviceLow: 0,
    deviceHigh: 0,
  };
}

/** True for a size that a driver may choose: a power of two (virtio 1.3 §2.7) up to the device's. */
export function isQueueSize(size: number, maxSize: number): boolean {
  return size > 0 && size <= maxSize && (size & (size - 1)) === 0;
}

/** True for a largest size that a device may offer. */
export function isMaxQueueSize(size: number): boolean {
  return Number.isInteger(size) && isQueueSize(size, QUEUE_SIZE_MAX);
}

/** Physical addresses have at most 52 bits. */
const ADDRESS_HIGH_LIMIT = 2 ** 20;
/** Alignment of the descriptor table, the driver area and the device area (virtio 1.3 §2.7). */
const DESCRIPTOR_ALIGNMENT = 16;
const DRIVER_ALIGNMENT = 2;
const DEVICE_ALIGNMENT = 4;

function address(low: number, high: number, alignment: number): number | undefined {
  const isUsable = high < ADDRESS_HIGH_LIMIT && low % alignment === 0;
  return isUsable ? high * 0x1_0000_0000 + low : undefined;
}

/**
 * What the device is given of a queue.
 *
 * @returns `undefined` when an address cannot be one. Whether there is memory is for the device to check.
 */
export function queueSetupOf(index: number, queue: QueueConfig): QueueSetup | undefined {
  const descriptorTable = address(queue.descriptorLow, queue.descriptorHigh, DESCRIPTOR_ALIGNMENT);
  const availRing = address(queue.driverLow, queue.driverHigh, DRIVER_ALIGNMENT);
  const usedRing = address(queue.deviceLow, queue.deviceHigh, DEVICE_ALIGNMENT);
  if (descriptorTable === undefined || availRing === undefined || usedRing === undefined) {
    return undefined;
  }
  return { index, size: queue.size, descriptorTable, availRing, usedRing };
}
