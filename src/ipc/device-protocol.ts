/**
 * What the parent and a device process may say to each other; nothing else crosses the line.
 *
 * ```
 *   parent                                   device process
 *     | -- start {options, memory} + fds ------> |   backend opened by the parent, guest memory, shared page
 *     | <------------- described {features, queues, config} |
 *     | -- confine {program} ------------------> |   the seccomp program; absent with --disable-sandbox
 *     | <---------------------- ready {} + [listener] |   confined from here on
 *     | -- activate {features, queues} + fds --> |   at DRIVER_OK; per queue one kick and one call eventfd
 *     | -- reset {} ---------------------------> |
 *     | <----------------------------- resetDone |   guest memory is no longer touched
 *     | -- writeConfig {offset, bytes} --------> |
 *     | <----------------------- config {bytes} |   the whole device configuration, when it has changed
 *     | <------------------ needsReset {reason} |   the guest broke the rules of a queue
 * ```
 *
 * Descriptors of `start`: guest memory, the shared page, then the backend's, in the order of the profile.
 * Descriptors of `activate`: kick and call of the first queue, kick and call of the second, and so on.
 */
import {
  anything,
  boolean,
  bytes,
  type Check,
  type Checked,
  integer,
  list,
  literal,
  record,
  text,
  u64,
  union,
} from './schema.ts';

export const QUEUE_COUNT_MAX = 64;
export const QUEUE_SIZE_MAX = 32768;
export const DEVICE_CONFIG_BYTES_MAX = 4096;
const ADDRESS_MAX = Number.MAX_SAFE_INTEGER;

const addressRange = record({
  start: integer(0, ADDRESS_MAX),
  sizeBytes: integer(1, ADDRESS_MAX),
});

/** One queue as the driver set it up; `null` in the list stands for a queue that it left disabled. */
export const queueSetup = record({
  index: integer(0, QUEUE_COUNT_MAX - 1),
  size: integer(1, QUEUE_SIZE_MAX),
  /** Guest-physical addresses of the three parts of a split virtqueue (virtio 1.3 §2.7). */
  descriptorTable: integer(0, ADDRESS_MAX),
  availRing: integer(0, ADDRESS_MAX),
  usedRing: integer(0, ADDRESS_MAX),
});
export type QueueSetup = Checked<typeof queueSetup>;

/** Messages from the parent. */
export const parentMessage = union({
  start: record({
    type: literal('start'),
    memory: list(addressRange, 8),
    /** The device's own options, checked by its module. */
    options: anything,
  }),
  confine: record({ type: literal('confine'), program: bytes(32768) }),
  activate: record({
    type: literal('activate'),
    features: u64,
    queues: list(queueSetup, QUEUE_COUNT_MAX),
  }),
  reset: record({ type: literal('reset') }),
  writeConfig: record({
    type: literal('writeConfig'),
    offset: integer(0, DEVICE_CONFIG_BYTES_MAX - 1),
    bytes: bytes(8),
  }),
});
export type ParentMessage = Checked<typeof parentMessage>;

/** Messages from a device process. */
export const deviceMessage = union({
  described: record({
    type: literal('described'),
    /** Device feature bits, transport ones included. */
    features: u64,
    queueSizes: list(integer(1, QUEUE_SIZE_MAX), QUEUE_COUNT_MAX),
    config: bytes(DEVICE_CONFIG_BYTES_MAX),
  }),
  ready: record({ type: literal('ready'), confined: boolean }),
  resetDone: record({ type: literal('resetDone') }),
  config: record({ type: literal('config'), bytes: bytes(DEVICE_CONFIG_BYTES_MAX) }),
  needsReset: record({ type: literal('needsReset'), reason: text(256) }),
  failed: record({ type: literal('failed'), reason: text(1024) }),
});
export type DeviceMessage = Checked<typeof deviceMessage>;

/** Checks of the two directions, for {@link Channel}. */
export const checkParentMessage: Check<ParentMessage> = parentMessage;
export const checkDeviceMessage: Check<DeviceMessage> = deviceMessage;

/**
 * The page that parent and device process share, one per device.
 *
 * | offset | width | content                                                           |
 * | ------ | ----- | ----------------------------------------------------------------- |
 * | 0      | 4     | ISR status: bit 0 used buffer, bit 1 configuration (§4.1.4.5)     |
 *
 * The device sets bit 0 before it signals a call eventfd; the parent clears the word when the guest reads it. Nothing
 * that a device writes there can hurt more than its own interrupts.
 */
export const SHARED_PAGE_BYTES = 4096;
export const SHARED_ISR_WORD = 0;
