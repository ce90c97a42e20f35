/** Disk images in memory, so that the VMMs are measured and not the host's storage. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writePatternDisk } from '../../test/guest/firmware/pattern.ts';

/** A folder in /dev/shm that goes when the benchmark ends. */
export class Scratch implements Disposable {
  readonly #folder = mkdtempSync('/dev/shm/crosvm-bench-');

  /** Makes a disk that holds the guest's pattern. */
  disk(name: string, sizeMib: number): string {
    const path = join(this.#folder, name);
    writePatternDisk(path, sizeMib << 20);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}
