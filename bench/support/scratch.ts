/** Disk images in memory, so that the VMMs are measured and not the host's storage. */
import { closeSync, constants, mkdtempSync, openSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writePatternDisk } from '../../test/guest/firmware/pattern.ts';

const IN_MEMORY = '/dev/shm';

/** A folder that goes when the benchmark ends: in memory, unless told otherwise. */
export class Scratch implements Disposable {
  readonly #folder: string;
  /** Also where something calls process.exit(), a signal's handler for instance. */
  readonly #onExit = (): void => {
    rmSync(this.#folder, { recursive: true, force: true });
  };

  /** @param parent where to make it. */
  constructor(parent = IN_MEMORY) {
    this.#folder = mkdtempSync(join(parent, 'crosvm-bench-'));
    process.on('exit', this.#onExit);
  }

  /**
   * A folder whose files can be opened past the page cache: in memory where the kernel's tmpfs has O_DIRECT (Linux 6.6
   * and later), else on the file system of temporary files.
   */
  static forDirect(): Scratch {
    const inMemory = new Scratch();
    if (inMemory.#takesDirect()) {
      return inMemory;
    }
    inMemory[Symbol.dispose]();
    return Scratch.onFileSystem();
  }

  /** A folder on the file system of temporary files. */
  static onFileSystem(): Scratch {
    return new Scratch(tmpdir());
  }

  /** Whether its files are in memory, so that no storage of the host is measured. */
  get inMemory(): boolean {
    return this.#folder.startsWith(IN_MEMORY);
  }

  /** Makes a disk that holds the guest's pattern. */
  disk(name: string, sizeMib: number): string {
    const path = this.path(name);
    writePatternDisk(path, sizeMib << 20);
    return path;
  }

  /** Makes a disk of zeroes, which takes no memory until it is written. */
  emptyDisk(name: string, sizeMib: number): string {
    const path = join(this.#folder, name);
    closeSync(openSync(path, 'w'));
    truncateSync(path, sizeMib << 20);
    return path;
  }

  /** Where to put another file. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  #takesDirect(): boolean {
    const flags = constants.O_CREAT | constants.O_RDWR | constants.O_DIRECT;
    try {
      closeSync(openSync(join(this.#folder, 'direct'), flags));
      return true;
    } catch {
      return false;
    }
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#onExit);
    this.#onExit();
  }
}
