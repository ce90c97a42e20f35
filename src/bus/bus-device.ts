/**
 * What every emulated register block meets: reads and writes inside its own address range, nothing else.
 *
 * Reset, interrupts, PCI and power belong to other interfaces.
 */

/** Width of one access, in bytes. 8-byte accesses reach a device as two of 4, the lower half first. */
export type AccessSize = 1 | 2 | 4;

/**
 * A device on the port I/O or memory-mapped I/O bus.
 *
 * Called in the machine thread only. A guest chooses offset, size and value, so no implementation may throw,
 * loop without bound or allocate for them.
 */
export interface BusDevice {
  /** Name for counters and logs, `serial0` for example. */
  readonly name: string;

  /**
   * Reads a register.
   *
   * @param offset bytes from the start of the device's range; the access may be unaligned, and it lies wholly
   *   inside the range.
   * @param size width in bytes.
   * @returns an unsigned value below 2^(8*size). An unimplemented register reads as all ones.
   */
  read(offset: number, size: AccessSize): number;

  /**
   * Writes a register.
   *
   * @param offset as in {@link read}.
   * @param size width in bytes.
   * @param value unsigned, below 2^(8*size).
   */
  write(offset: number, size: AccessSize, value: number): void;
}

/** The value that an access of `size` bytes reads where nothing answers. */
export function allOnes(size: AccessSize): number {
  return size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff;
}

/** A level-triggered input of an interrupt controller, satisfied by the hypervisor. */
export interface InterruptLine {
  /** Drives the line; called in the machine thread. Repeating the present level is allowed and cheap. */
  setLevel(asserted: boolean): void;
}
