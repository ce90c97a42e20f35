/** Options of a disk. */
import { OptionReader } from '../options.ts';
import { ID_BYTES, QUEUE_COUNT_MAX } from './constants.ts';

/** A disk as the user wants it. */
export interface BlockOptions {
  /** Image file or block device on the host. */
  readonly path: string;
  readonly readOnly: boolean;
  /** The guest may give space back: discarded blocks become holes. */
  readonly sparse: boolean;
  /** Logical block that the guest sees, in bytes. */
  readonly blockSize: number;
  /** Serial number, at most 20 ASCII characters; empty for none. */
  readonly id: string;
  /** Bypass the host's page cache (O_DIRECT). */
  readonly direct: boolean;
  /** Refuse a disk that somebody else writes to. */
  readonly lock: boolean;
  /** Request queues, for guests with several vCPUs. */
  readonly queues: number;
  /** Longest time to look for requests before the device sleeps, in microseconds; 0 saves the CPU. */
  readonly pollMicros: number;
}

const POLL_MICROS = 50;
const POLL_MICROS_MAX = 1000;

/** @throws ERR_DEVICE_OPTION */
export function parseBlockOptions(value: unknown): BlockOptions {
  const reader = new OptionReader('block', value);
  const options: BlockOptions = {
    path: reader.text('path', undefined, { pattern: /^[^\0]+$/, wanted: 'the path of a file' }),
    readOnly: reader.flag('readOnly', false),
    sparse: reader.flag('sparse', true),
    blockSize: reader.oneOf('blockSize', 512, [512, 1024, 2048, 4096]),
    id: reader.text('id', '', {
      maxLength: ID_BYTES,
      pattern: /^[\x20-\x7e]*$/,
      wanted: 'printable ASCII',
    }),
    direct: reader.flag('direct', false),
    lock: reader.flag('lock', true),
    queues: reader.integer('queues', 1, 1, QUEUE_COUNT_MAX),
    pollMicros: reader.integer('pollMicros', POLL_MICROS, 0, POLL_MICROS_MAX),
  };
  reader.finish();
  return options;
}
