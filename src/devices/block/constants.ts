/** Numbers of the block device (virtio 1.3 §5.2), spelled as there. */

/** Feature bits (§5.2.3). */
export const VIRTIO_BLK_F_SEG_MAX = 2;
export const VIRTIO_BLK_F_RO = 5;
export const VIRTIO_BLK_F_BLK_SIZE = 6;
export const VIRTIO_BLK_F_FLUSH = 9;
export const VIRTIO_BLK_F_TOPOLOGY = 10;
export const VIRTIO_BLK_F_MQ = 12;
export const VIRTIO_BLK_F_DISCARD = 13;
export const VIRTIO_BLK_F_WRITE_ZEROES = 14;

/** Request types (§5.2.6). */
export const VIRTIO_BLK_T_IN = 0;
export const VIRTIO_BLK_T_OUT = 1;
export const VIRTIO_BLK_T_FLUSH = 4;
export const VIRTIO_BLK_T_GET_ID = 8;
export const VIRTIO_BLK_T_DISCARD = 11;
export const VIRTIO_BLK_T_WRITE_ZEROES = 13;

/** Status bytes (§5.2.6). */
export const VIRTIO_BLK_S_OK = 0;
export const VIRTIO_BLK_S_IOERR = 1;
export const VIRTIO_BLK_S_UNSUPP = 2;

/** Unit of sector numbers and lengths, whatever the block size is. */
export const SECTOR_BYTES = 512;
/** `type`, `reserved` and `sector`. */
export const HEADER_BYTES = 16;
/** `sector`, `num_sectors` and `flags` of one discard or write-zeroes segment. */
export const SEGMENT_BYTES = 16;
/** Segment flag: the range may be unmapped. */
export const VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP = 1;
/** Length of the answer to VIRTIO_BLK_T_GET_ID. */
export const ID_BYTES = 20;

/** Descriptors per queue, as crosvm has it. */
export const QUEUE_SIZE = 256;
export const QUEUE_COUNT_MAX = 16;
/** Data buffers of one request: the queue without header and status. */
export const SEG_MAX = QUEUE_SIZE - 2;
/** Segments of one discard or write-zeroes request. */
export const SEGMENT_COUNT_MAX = 32;
/** Sectors of one discard segment: 2 GiB. */
export const DISCARD_SECTORS_MAX = 0x40_0000;
/** Sectors of one write-zeroes segment: 64 MiB, which may have to be written out where no hole can be punched. */
export const WRITE_ZEROES_SECTORS_MAX = 0x2_0000;
