/** Guest RAM made of plain arrays, which remembers where it was written through `write`. */
import type { BootMemory } from '../../src/boot/boot-memory.ts';

interface FakeRegion {
  readonly start: number;
  readonly sizeBytes: number;
  readonly bytes: Uint8Array;
}

export class FakeBootMemory implements BootMemory {
  readonly regions: readonly FakeRegion[];

  /** @param ranges RAM, in bytes; keep it small, every byte exists. */
  constructor(ranges: readonly { readonly start: number; readonly sizeBytes: number }[]) {
    this.regions = ranges.map((range) => ({ ...range, bytes: new Uint8Array(range.sizeBytes) }));
  }

  /** RAM from address 0. */
  static ofMib(mib: number): FakeBootMemory {
    return new FakeBootMemory([{ start: 0, sizeBytes: mib * 1024 * 1024 }]);
  }

  contains(gpa: number, sizeBytes: number): boolean {
    return this.chunkAt(gpa, sizeBytes) !== undefined;
  }

  chunkAt(gpa: number, sizeBytes: number): FakeRegion | undefined {
    return this.regions.find(
      (region) =>
        sizeBytes >= 0 && gpa >= region.start && gpa + sizeBytes <= region.start + region.sizeBytes,
    );
  }

  write(gpa: number, data: Uint8Array): void {
    this.#at(gpa, data.length).set(data);
  }

  /** A copy of a range. */
  read(gpa: number, sizeBytes: number): Uint8Array {
    return this.#at(gpa, sizeBytes).slice();
  }

  /** A range as a little-endian view, to look at structures. */
  view(gpa: number, sizeBytes: number): DataView {
    return new DataView(this.read(gpa, sizeBytes).buffer);
  }

  #at(gpa: number, sizeBytes: number): Uint8Array {
    const region = this.chunkAt(gpa, sizeBytes);
    if (region === undefined) {
      throw new RangeError(`${sizeBytes} bytes at 0x${gpa.toString(16)} are not RAM`);
    }
    return region.bytes.subarray(gpa - region.start, gpa - region.start + sizeBytes);
  }
}
