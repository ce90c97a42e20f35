/**
 * A block request (virtio 1.3 §5.2.6), parsed out of a chain and checked against the disk; only what passes reaches it.
 *
 * ```
 *   readable   header: type (4), reserved (4), sector (8) | data of OUT, segments of DISCARD and WRITE_ZEROES
 *   writable   data of IN and GET_ID | status (1), the last byte
 * ```
 */
import { copyFromChain } from '../../virtio/chain-io.ts';
import type { DescriptorChain } from '../../virtio/descriptor-chain.ts';
import {
  DISCARD_SECTORS_MAX,
  HEADER_BYTES,
  SECTOR_BYTES,
  SEGMENT_BYTES,
  SEGMENT_COUNT_MAX,
  VIRTIO_BLK_T_DISCARD,
  VIRTIO_BLK_T_FLUSH,
  VIRTIO_BLK_T_GET_ID,
  VIRTIO_BLK_T_IN,
  VIRTIO_BLK_T_OUT,
  VIRTIO_BLK_T_WRITE_ZEROES,
  VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP,
  WRITE_ZEROES_SECTORS_MAX,
} from './constants.ts';

/** Why a request was refused before anything was done. */
export type RequestFault =
  | 'no room for the status byte'
  | 'header is too short'
  | 'request type is unknown'
  | 'request has no data'
  | 'length is not a multiple of the sector size'
  | 'range is outside of the disk'
  | 'disk is read-only'
  | 'segments are cut short or too many'
  | 'segment is too long'
  | 'segment has flags that are unknown or not allowed';

/** The disk as far as requests are checked against it. */
export interface DiskLimits {
  readonly sectors: number;
  readonly readOnly: boolean;
  readonly discard: boolean;
}

const TWO_32 = 0x1_0000_0000;

/** A checked request. One object serves all requests of a device, one after the other. */
export class BlockRequest {
  type = 0;
  /** Where on the disk, in bytes; for IN and OUT. */
  offset = 0;
  /** Data without header and status, in bytes. */
  dataBytes = 0;
  /** Segments of a DISCARD or WRITE_ZEROES: start and length in bytes, and whether each may be unmapped. */
  segmentCount = 0;
  readonly segmentOffsets = new Float64Array(SEGMENT_COUNT_MAX);
  readonly segmentBytes = new Float64Array(SEGMENT_COUNT_MAX);
  readonly segmentUnmaps = new Uint8Array(SEGMENT_COUNT_MAX);

  readonly #limits: DiskLimits;
  readonly #header = new Uint8Array(HEADER_BYTES);
  readonly #headerView = new DataView(this.#header.buffer);

  constructor(limits: DiskLimits) {
    this.#limits = limits;
  }

  /**
   * Parses a chain.
   *
   * @returns what is wrong with it; this object must not be used then.
   */
  parse(chain: DescriptorChain): RequestFault | undefined {
    if (chain.writableBytes === 0) {
      return 'no room for the status byte';
    }
    if (copyFromChain(chain, 0, this.#header) < HEADER_BYTES) {
      return 'header is too short';
    }
    this.type = this.#headerView.getUint32(0, true);
    switch (this.type) {
      case VIRTIO_BLK_T_IN:
        return this.#setTransfer(chain.writableBytes - 1);
      case VIRTIO_BLK_T_OUT:
        return this.#limits.readOnly
          ? 'disk is read-only'
          : this.#setTransfer(chain.readableBytes - HEADER_BYTES);
      case VIRTIO_BLK_T_FLUSH:
        return undefined;
      case VIRTIO_BLK_T_GET_ID:
        this.dataBytes = chain.writableBytes - 1;
        return undefined;
      case VIRTIO_BLK_T_DISCARD:
      case VIRTIO_BLK_T_WRITE_ZEROES:
        return this.#setSegments(chain);
      default:
        return 'request type is unknown';
    }
  }

  #setTransfer(dataBytes: number): RequestFault | undefined {
    if (dataBytes <= 0) {
      return 'request has no data';
    }
    if (dataBytes % SECTOR_BYTES !== 0) {
      return 'length is not a multiple of the sector size';
    }
    const sector =
      this.#headerView.getUint32(12, true) * TWO_32 + this.#headerView.getUint32(8, true);
    if (!this.#isOnDisk(sector, dataBytes / SECTOR_BYTES)) {
      return 'range is outside of the disk';
    }
    this.offset = sector * SECTOR_BYTES;
    this.dataBytes = dataBytes;
    return undefined;
  }

  /** In sectors, before anything is multiplied: a sector number may be anything up to 2^64. */
  #isOnDisk(sector: number, count: number): boolean {
    return sector <= this.#limits.sectors && count <= this.#limits.sectors - sector;
  }

  #setSegments(chain: DescriptorChain): RequestFault | undefined {
    if (this.#limits.readOnly) {
      return 'disk is read-only';
    }
    if (this.type === VIRTIO_BLK_T_DISCARD && !this.#limits.discard) {
      return 'request type is unknown';
    }
    const segmentsBytes = chain.readableBytes - HEADER_BYTES;
    const count = segmentsBytes / SEGMENT_BYTES;
    if (segmentsBytes % SEGMENT_BYTES !== 0 || count < 1 || count > SEGMENT_COUNT_MAX) {
      return 'segments are cut short or too many';
    }
    this.segmentCount = count;
    for (let index = 0; index < count; index++) {
      // The header has been used up; its memory takes one segment after the other.
      copyFromChain(chain, HEADER_BYTES + index * SEGMENT_BYTES, this.#header);
      const fault = this.#setSegment(index);
      if (fault !== undefined) {
        return fault;
      }
    }
    return undefined;
  }

  #setSegment(index: number): RequestFault | undefined {
    const view = this.#headerView;
    const sector = view.getUint32(4, true) * TWO_32 + view.getUint32(0, true);
    const count = view.getUint32(8, true);
    const flags = view.getUint32(12, true);
    const isDiscard = this.type === VIRTIO_BLK_T_DISCARD;
    // Unmapping is what a discard is; the flag is for zeroes only (§5.2.6.2).
    const allowedFlags = isDiscard ? 0 : VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
    if ((flags & ~allowedFlags) !== 0) {
      return 'segment has flags that are unknown or not allowed';
    }
    if (count > (isDiscard ? DISCARD_SECTORS_MAX : WRITE_ZEROES_SECTORS_MAX)) {
      return 'segment is too long';
    }
    if (!this.#isOnDisk(sector, count)) {
      return 'range is outside of the disk';
    }
    this.segmentOffsets[index] = sector * SECTOR_BYTES;
    this.segmentBytes[index] = count * SECTOR_BYTES;
    this.segmentUnmaps[index] = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
    return undefined;
  }
}
