/**
 * The frames that a vCPU worker and the machine thread exchange over a pair of pipes: one fixed size, no parsing.
 *
 * | offset | width | request             | reply                     |
 * | ------ | ----- | ------------------- | ------------------------- |
 * | 0      | 1     | kind                | 0                         |
 * | 1      | 1     | access size, bytes  | 0                         |
 * | 2      | 2     | vCPU index          | 0                         |
 * | 4      | 4     | 0                   | value read, lower half    |
 * | 8      | 4     | address, lower half | value read, upper half    |
 * | 12     | 4     | address, upper half | 0                         |
 * | 16     | 4     | value, lower half   | 0                         |
 * | 20     | 4     | value, upper half   | 0                         |
 *
 * Both ends are threads of the parent, so the frames are trusted; what they carry (address, value) is the guest's.
 */

export const EXIT_FRAME_BYTES = 24;
export const EXIT_REPLY_BYTES = 16;

/** What a vCPU wants of the machine. */
export const ExitKind = {
  PioRead: 1,
  PioWrite: 2,
  MmioRead: 3,
  MmioWrite: 4,
} as const;
export type ExitKind = (typeof ExitKind)[keyof typeof ExitKind];

export const FRAME_KIND = 0;
export const FRAME_SIZE = 1;
export const FRAME_VCPU = 2;
export const FRAME_ADDRESS_LOW = 8;
export const FRAME_ADDRESS_HIGH = 12;
export const FRAME_VALUE_LOW = 16;
export const FRAME_VALUE_HIGH = 20;

export const REPLY_VALUE_LOW = 4;
export const REPLY_VALUE_HIGH = 8;
