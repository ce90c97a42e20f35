/** Device configuration of a disk (virtio 1.3 §5.2.4) and the features that go with it. */
import {
  featureSet,
  VIRTIO_F_EVENT_IDX,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_VERSION_1,
} from '../../virtio/constants.ts';
import {
  DISCARD_SECTORS_MAX,
  SECTOR_BYTES,
  SEG_MAX,
  SEGMENT_COUNT_MAX,
  VIRTIO_BLK_F_BLK_SIZE,
  VIRTIO_BLK_F_DISCARD,
  VIRTIO_BLK_F_FLUSH,
  VIRTIO_BLK_F_MQ,
  VIRTIO_BLK_F_RO,
  VIRTIO_BLK_F_SEG_MAX,
  VIRTIO_BLK_F_TOPOLOGY,
  VIRTIO_BLK_F_WRITE_ZEROES,
  WRITE_ZEROES_SECTORS_MAX,
} from './constants.ts';
import type { BlockOptions } from './options.ts';

const CONFIG_BYTES = 60;
const TWO_32 = 0x1_0000_0000;

/** Feature bits of a disk with these options. */
export function blockFeatures(options: BlockOptions): bigint {
  const bits = [
    VIRTIO_F_VERSION_1,
    VIRTIO_F_EVENT_IDX,
    VIRTIO_F_INDIRECT_DESC,
    VIRTIO_BLK_F_SEG_MAX,
    VIRTIO_BLK_F_BLK_SIZE,
    VIRTIO_BLK_F_FLUSH,
    VIRTIO_BLK_F_TOPOLOGY,
  ];
  if (options.queues > 1) {
    bits.push(VIRTIO_BLK_F_MQ);
  }
  if (options.readOnly) {
    bits.push(VIRTIO_BLK_F_RO);
  } else {
    bits.push(VIRTIO_BLK_F_WRITE_ZEROES);
    if (options.sparse) {
      bits.push(VIRTIO_BLK_F_DISCARD);
    }
  }
  return featureSet(...bits);
}

/**
 * Configuration space of a disk.
 *
 * | offset | width | field                                              |
 * | ------ | ----- | -------------------------------------------------- |
 * | 0      | 8     | capacity, in sectors                               |
 * | 8      | 4     | size_max, not offered                              |
 * | 12     | 4     | seg_max                                            |
 * | 16     | 4     | geometry, not offered                              |
 * | 20     | 4     | blk_size                                           |
 * | 24     | 1     | topology: physical_block_exp                       |
 * | 25     | 1     | topology: alignment_offset                         |
 * | 26     | 2     | topology: min_io_size, in blocks                   |
 * | 28     | 4     | topology: opt_io_size, in blocks; 0 for no opinion |
 * | 32     | 1     | writeback, not offered                             |
 * | 34     | 2     | num_queues                                         |
 * | 36     | 4     | max_discard_sectors                                |
 * | 40     | 4     | max_discard_seg                                    |
 * | 44     | 4     | discard_sector_alignment, in sectors               |
 * | 48     | 4     | max_write_zeroes_sectors                           |
 * | 52     | 4     | max_write_zeroes_seg                               |
 * | 56     | 1     | write_zeroes_may_unmap                             |
 */
export function blockConfig(options: BlockOptions, sectors: number): Uint8Array {
  const bytes = new Uint8Array(CONFIG_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, sectors % TWO_32, true);
  view.setUint32(4, Math.floor(sectors / TWO_32), true);
  view.setUint32(12, SEG_MAX, true);
  view.setUint32(20, options.blockSize, true);
  view.setUint16(26, 1, true);
  view.setUint16(34, options.queues, true);
  if (!options.readOnly) {
    if (options.sparse) {
      view.setUint32(36, DISCARD_SECTORS_MAX, true);
      view.setUint32(40, SEGMENT_COUNT_MAX, true);
      view.setUint32(44, options.blockSize / SECTOR_BYTES, true);
    }
    view.setUint32(48, WRITE_ZEROES_SECTORS_MAX, true);
    view.setUint32(52, SEGMENT_COUNT_MAX, true);
    view.setUint8(56, options.sparse ? 1 : 0);
  }
  return bytes;
}
