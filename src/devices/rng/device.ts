/**
 * Entropy device (virtio 1.3 §5.4): one queue of buffers, which the kernel's generator fills in place.
 */
import { EINTR } from '../../sys/errno.ts';
import { lastErrno } from '../../sys/libc.ts';
import { getRandom } from '../../sys/random.ts';
import { IovecList } from '../../virtio/chain-io.ts';
import {
  featureSet,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_VERSION_1,
} from '../../virtio/constants.ts';
import type { DescriptorChain } from '../../virtio/descriptor-chain.ts';
import type { ActiveQueue, DeviceHost, Rehearsal, VirtioDevice } from '../../virtio/device.ts';
import type { SplitQueue } from '../../virtio/split-queue.ts';

/** A driver asks for a few dozen bytes at a time; one buffer is plenty in flight. */
const QUEUE_SIZE = 256;
/**
 * Most bytes of one request. A driver takes what it gets (§5.4.6.2), and a request for 4 GiB must not keep the device
 * from its next reset for seconds.
 */
const REQUEST_BYTES_MAX = 64 * 1024;

class RngDevice implements VirtioDevice {
  readonly features = featureSet(VIRTIO_F_VERSION_1, VIRTIO_F_EVENT_IDX, VIRTIO_F_INDIRECT_DESC);
  readonly queueSizes = [QUEUE_SIZE];
  readonly config = new Uint8Array(0);

  readonly #iovecs = new IovecList(QUEUE_SIZE);
  #host: DeviceHost | undefined;
  #queue: SplitQueue | undefined;

  activate(host: DeviceHost, _features: bigint, queues: readonly ActiveQueue[]): void {
    this.#host = host;
    this.#queue = queues.find((active) => active.index === 0)?.queue;
  }

  processQueue(index: number): void {
    const queue = this.#queue;
    if (queue === undefined) {
      return;
    }
    let budget = queue.size;
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      queue.addUsed(chain.head, this.#fill(chain));
      if (--budget === 0) {
        this.#host?.schedule(index);
        break;
      }
    }
    queue.publish();
  }

  reset(): void {
    this.#host = undefined;
    this.#queue = undefined;
  }

  rehearse(stage: Rehearsal): void {
    this.activate(stage.host, this.features, stage.queues);
    stage.offer(0, new Uint8Array(0), 64);
    this.processQueue(0);
    this.reset();
  }

  /** Fills the writable part. Returns the bytes written: fewer than there is room for where the kernel gives fewer. */
  #fill(chain: DescriptorChain): number {
    const iovecs = this.#iovecs;
    const total = iovecs.setWritable(chain, 0, REQUEST_BYTES_MAX);
    while (iovecs.sizeBytes > 0) {
      const count = getRandom(iovecs.firstAddress, iovecs.firstBytes, 0);
      if (count > 0) {
        iovecs.advance(count);
      } else if (lastErrno() !== EINTR) {
        break;
      }
    }
    return total - iovecs.sizeBytes;
  }
}

/** See {@link DeviceImplementation.createDevice}. */
export function createDevice(): VirtioDevice {
  return new RngDevice();
}
