/**
 * Block device (virtio 1.3 §5.2): takes requests off its queues, one after the other, and lets the disk work straight
 * on guest memory.
 */
import { availableParallelism } from 'node:os';
import { assert } from '../../base/assert.ts';
import { FaultLog } from '../../base/fault-log.ts';
import { errnoName } from '../../sys/errno.ts';
import type { OwnedFd } from '../../sys/fd.ts';
import { copyToChain, IovecList, writeLastByte } from '../../virtio/chain-io.ts';
import { hasFeature } from '../../virtio/constants.ts';
import type { DescriptorChain } from '../../virtio/descriptor-chain.ts';
import type { ActiveQueue, DeviceHost, Rehearsal, VirtioDevice } from '../../virtio/device.ts';
import type { SplitQueue } from '../../virtio/split-queue.ts';
import { diskBytes } from './backend.ts';
import { blockConfig, blockFeatures } from './config.ts';
import {
  HEADER_BYTES,
  ID_BYTES,
  QUEUE_SIZE,
  SECTOR_BYTES,
  VIRTIO_BLK_F_FLUSH,
  VIRTIO_BLK_S_IOERR,
  VIRTIO_BLK_S_OK,
  VIRTIO_BLK_S_UNSUPP,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_WRITE_ZEROES,
} from './constants.ts';
import { RawDisk } from './disk/raw.ts';
import type { BlockOptions } from './options.ts';
import { BlockRequest, type RequestFault } from './request.ts';

/**
 * The driver is notified after this many requests, and whenever the ring has run empty; also after this many bytes, but
 * then half of what it has offered is done at least. One interrupt per request would cost more than the request; one
 * per full ring would leave a driver idle that sleeps meanwhile. Half of it keeps the other half going while the driver
 * wakes up.
 */
const BATCH_REQUESTS = 8;
const BATCH_BYTES = 128 * 1024;
const REHEARSAL_BYTES = 4096;

class BlockDevice implements VirtioDevice {
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config: Uint8Array;
  readonly pollMicros: number;

  readonly #disk: RawDisk;
  readonly #request: BlockRequest;
  readonly #iovecs = new IovecList(QUEUE_SIZE);
  readonly #id = new Uint8Array(ID_BYTES);
  /** Apart, so that no number of bad requests keeps a failing disk out of the log. */
  readonly #requestFaults: FaultLog;
  readonly #diskFaults: FaultLog;
  /** By queue index. */
  readonly #queues: (SplitQueue | undefined)[] = [];
  #host: DeviceHost | undefined;
  /** A driver that cannot flush believes that what was written is durable (§5.2.6.2). */
  #writeThrough = false;

  constructor(options: BlockOptions, disk: RawDisk, sectors: number) {
    this.features = blockFeatures(options);
    this.queueSizes = Array.from({ length: options.queues }, () => QUEUE_SIZE);
    this.config = blockConfig(options, sectors);
    // With a single CPU, to look at the rings keeps the very driver waiting that is to fill them.
    this.pollMicros = availableParallelism() > 1 ? options.pollMicros : 0;
    this.#disk = disk;
    this.#requestFaults = new FaultLog(`block "${options.path}"`);
    this.#diskFaults = new FaultLog(`block "${options.path}"`);
    const { readOnly, sparse } = options;
    this.#request = new BlockRequest({ sectors, readOnly, discard: sparse });
    this.#id.set(new TextEncoder().encode(options.id).subarray(0, ID_BYTES));
  }

  activate(host: DeviceHost, features: bigint, queues: readonly ActiveQueue[]): void {
    this.#host = host;
    this.#writeThrough = !hasFeature(features, VIRTIO_BLK_F_FLUSH);
    for (const { index, queue } of queues) {
      this.#queues[index] = queue;
    }
  }

  processQueue(index: number): void {
    const queue = this.#queues[index];
    if (queue === undefined) {
      return;
    }
    let requests = 0;
    let bytes = 0;
    let budget = queue.size;
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      queue.addUsed(chain.head, this.#serve(chain));
      requests++;
      bytes += chain.readableBytes + chain.writableBytes;
      // A driver with one request in flight waits for it: it comes before anything else.
      const pending = queue.availableCount();
      if (
        pending === 0 ||
        requests === BATCH_REQUESTS ||
        (bytes >= BATCH_BYTES && requests >= pending)
      ) {
        queue.publish();
        requests = 0;
        bytes = 0;
      } else {
        queue.show();
      }
      if (--budget === 0) {
        this.#host?.schedule(index);
        break;
      }
    }
    queue.publish();
  }

  reset(): void {
    this.#host = undefined;
    this.#queues.length = 0;
  }

  rehearse(stage: Rehearsal): void {
    this.activate(stage.host, this.features, stage.queues);
    const header = new Uint8Array(HEADER_BYTES);
    for (const type of [VIRTIO_BLK_T_GET_ID, VIRTIO_BLK_T_IN, 0xff]) {
      header[0] = type;
      // A read of 4 KiB also suits an image that is read past the page cache.
      stage.offer(0, header, REHEARSAL_BYTES + 1);
      this.processQueue(0);
    }
    this.reset();
  }

  /** Carries one request out and writes its status. Returns the bytes written, from the start of the writable part. */
  #serve(chain: DescriptorChain): number {
    const fault = this.#request.parse(chain);
    if (fault === 'no room for the status byte') {
      this.#requestFaults.note('warn', fault);
      return 0;
    }
    const errno = fault === undefined ? this.#execute(chain) : 0;
    const failed = fault !== undefined || errno !== 0;
    const status = failed ? this.#fail(fault, errno) : VIRTIO_BLK_S_OK;
    writeLastByte(chain, status);
    // The length counts from the start of the writable part: the status at its end only where all before it was written.
    const dataBytes = chain.writableBytes - 1;
    const written = failed ? 0 : this.#writtenBytes(dataBytes);
    return written === dataBytes ? dataBytes + 1 : written;
  }

  /** How much of `dataBytes` before the status a request that succeeded has written. */
  #writtenBytes(dataBytes: number): number {
    switch (this.#request.type) {
      case VIRTIO_BLK_T_IN:
        return dataBytes;
      case VIRTIO_BLK_T_GET_ID:
        return Math.min(dataBytes, ID_BYTES);
      default:
        return 0;
    }
  }

  /** Returns 0 or an errno. */
  #execute(chain: DescriptorChain): number {
    const request = this.#request;
    switch (request.type) {
      case VIRTIO_BLK_T_IN:
        this.#iovecs.setWritable(chain, 0, request.dataBytes);
        return this.#disk.read(this.#iovecs, request.offset);
      case VIRTIO_BLK_T_OUT:
        this.#iovecs.setReadable(chain, HEADER_BYTES, request.dataBytes);
        return this.#finishWrite(this.#disk.write(this.#iovecs, request.offset));
      case VIRTIO_BLK_T_FLUSH:
        return this.#disk.flush();
      case VIRTIO_BLK_T_GET_ID:
        copyToChain(chain, 0, this.#id, Math.min(request.dataBytes, ID_BYTES));
        return 0;
      case VIRTIO_BLK_T_DISCARD:
      case VIRTIO_BLK_T_WRITE_ZEROES:
        return this.#finishWrite(this.#executeSegments());
      default:
        return 0;
    }
  }

  #executeSegments(): number {
    const { segmentCount, segmentOffsets, segmentBytes, segmentUnmaps, type } = this.#request;
    for (let index = 0; index < segmentCount; index++) {
      const offset = segmentOffsets[index] ?? 0;
      const sizeBytes = segmentBytes[index] ?? 0;
      const errno =
        type === VIRTIO_BLK_T_DISCARD
          ? this.#disk.discard(offset, sizeBytes)
          : this.#disk.writeZeroes(offset, sizeBytes, segmentUnmaps[index] === 1);
      if (errno !== 0) {
        return errno;
      }
    }
    return 0;
  }

  #finishWrite(errno: number): number {
    return errno === 0 && this.#writeThrough ? this.#disk.flush() : errno;
  }

  /** The one place where what went wrong becomes a status and a line for the operator. */
  #fail(fault: RequestFault | undefined, errno: number): number {
    if (fault === undefined) {
      this.#diskFaults.note('error', `request failed: ${errnoName(errno)}`);
      return VIRTIO_BLK_S_IOERR;
    }
    this.#requestFaults.note('debug', `request refused: ${fault}`);
    const isUnsupported =
      fault === 'request type is unknown' ||
      fault === 'segment has flags that are unknown or not allowed';
    return isUnsupported ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR;
  }
}

/** See {@link DeviceImplementation.createDevice}. The backend is the image. */
export function createDevice(options: BlockOptions, backend: readonly OwnedFd[]): VirtioDevice {
  const [image] = backend;
  assert(image !== undefined, 'a disk comes with its image');
  const sectors = Math.floor(diskBytes(image.raw, options.path) / SECTOR_BYTES);
  return new BlockDevice(options, new RawDisk(image), sectors);
}
