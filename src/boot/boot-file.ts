/**
 * Kernel and initrd files: opened once, read at offsets, straight into guest memory where that is their end.
 *
 * Their contents are hostile: no size that a file states becomes an allocation here.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { assert } from '../base/assert.ts';
import { ConfigError } from '../base/errors.ts';
import type { BootMemory } from './boot-memory.ts';

/** What the file is to the guest; error codes and messages follow it. */
export type BootFileRole = 'kernel' | 'initrd';

/** A file of known size that can be read at any offset. */
export interface BootFile {
  readonly role: BootFileRole;
  /** The path, as the user gave it, for messages. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Reads at most `target.length` bytes at an offset; returns how many, 0 at the end of the file. */
  readAt(target: Uint8Array, offset: number): number;
}

/** Most that {@link readPart} takes: headers and notes are far smaller. */
const PART_LIMIT_BYTES = 64 * 1024;
/** Longest single read. */
const PIECE_BYTES = 256 * 1024 * 1024;

const CODES = {
  kernel: {
    open: 'ERR_KERNEL_OPEN',
    notFile: 'ERR_KERNEL_NOT_FILE',
    read: 'ERR_KERNEL_READ',
    truncated: 'ERR_KERNEL_TRUNCATED',
  },
  initrd: {
    open: 'ERR_INITRD_OPEN',
    notFile: 'ERR_INITRD_NOT_FILE',
    read: 'ERR_INITRD_READ',
    truncated: 'ERR_INITRD_TRUNCATED',
  },
} as const;

/** The error for a file that cannot be booted: its role and path, the reason, and what would be right. */
export function bootFileError(
  file: Pick<BootFile, 'role' | 'path'>,
  code: string,
  reason: string,
  remedy: string,
): ConfigError {
  return new ConfigError(code, `${file.role} ${file.path}: ${reason}; ${remedy}`);
}

/** A {@link BootFile} behind a descriptor. */
export class OpenBootFile implements BootFile, Disposable {
  readonly role: BootFileRole;
  readonly path: string;
  readonly sizeBytes: number;
  readonly #fd: number;
  readonly #ownsFd: boolean;

  private constructor(role: BootFileRole, path: string, fd: number, ownsFd: boolean) {
    this.role = role;
    this.path = path;
    this.#fd = fd;
    this.#ownsFd = ownsFd;
    const stat = fstatSync(fd);
    if (!stat.isFile()) {
      this[Symbol.dispose]();
      throw bootFileError(
        this,
        CODES[role].notFile,
        'it is not a regular file',
        `give the path of a ${role} image`,
      );
    }
    this.sizeBytes = stat.size;
  }

  /**
   * Opens a file; the caller disposes of it.
   *
   * @throws ERR_KERNEL_OPEN, ERR_KERNEL_NOT_FILE, ERR_INITRD_OPEN, ERR_INITRD_NOT_FILE
   */
  static open(role: BootFileRole, path: string): OpenBootFile {
    let fd: number;
    try {
      // O_NONBLOCK: a FIFO must be refused, not waited for.
      fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (cause) {
      throw new ConfigError(
        CODES[role].open,
        `${role} ${path}: it cannot be opened; give the path of a readable ${role} image`,
        { cause },
      );
    }
    return new OpenBootFile(role, path, fd, true);
  }

  /**
   * Reads through a descriptor that stays the caller's.
   *
   * @param name stands for the path in messages.
   * @throws ERR_KERNEL_NOT_FILE, ERR_INITRD_NOT_FILE
   */
  static borrow(role: BootFileRole, fd: number, name: string): OpenBootFile {
    return new OpenBootFile(role, name, fd, false);
  }

  /** @throws ERR_KERNEL_READ, ERR_INITRD_READ */
  readAt(target: Uint8Array, offset: number): number {
    try {
      return readSync(this.#fd, target, 0, target.length, offset);
    } catch (cause) {
      throw new ConfigError(
        CODES[this.role].read,
        `${this.role} ${this.path}: reading at offset ${offset} failed; give a readable file`,
        { cause },
      );
    }
  }

  [Symbol.dispose](): void {
    if (this.#ownsFd) {
      closeSync(this.#fd);
    }
  }
}

/**
 * Reads a small part of the file, such as a header.
 *
 * @param sizeBytes at most 64 KiB, checked by the caller.
 * @param what names the part in the message.
 * @throws ERR_KERNEL_TRUNCATED, ERR_INITRD_TRUNCATED when the file ends inside it.
 */
export function readPart(
  file: BootFile,
  offset: number,
  sizeBytes: number,
  what: string,
): Uint8Array {
  assert(sizeBytes <= PART_LIMIT_BYTES, `${sizeBytes} bytes are too many for a header`);
  requireInFile(file, offset, sizeBytes, what);
  const bytes = new Uint8Array(sizeBytes);
  readExactly(file, bytes, offset, what);
  return bytes;
}

/**
 * Reads a part of the file into guest memory, without a copy in between.
 *
 * @param gpa the caller has checked that the range is RAM.
 * @throws ERR_KERNEL_TRUNCATED, ERR_INITRD_TRUNCATED when the file ends inside it.
 */
export function loadPart(
  file: BootFile,
  part: { readonly offset: number; readonly sizeBytes: number; readonly what: string },
  memory: BootMemory,
  gpa: number,
): void {
  requireInFile(file, part.offset, part.sizeBytes, part.what);
  let done = 0;
  while (done < part.sizeBytes) {
    const chunk = memory.chunkAt(gpa + done, 1);
    assert(chunk !== undefined, `0x${(gpa + done).toString(16)} is not RAM`);
    const start = gpa + done - chunk.start;
    const count = Math.min(part.sizeBytes - done, chunk.bytes.length - start, PIECE_BYTES);
    readExactly(file, chunk.bytes.subarray(start, start + count), part.offset + done, part.what);
    done += count;
  }
}

function requireInFile(file: BootFile, offset: number, sizeBytes: number, what: string): void {
  if (!(offset + sizeBytes <= file.sizeBytes)) {
    throw truncated(file, what, offset + sizeBytes);
  }
}

function readExactly(file: BootFile, target: Uint8Array, offset: number, what: string): void {
  let done = 0;
  while (done < target.length) {
    const count = file.readAt(target.subarray(done), offset + done);
    if (count === 0) {
      // The file shrank after it was opened.
      throw truncated(file, what, offset + target.length);
    }
    done += count;
  }
}

function truncated(file: BootFile, what: string, end: number): ConfigError {
  return bootFileError(
    file,
    CODES[file.role].truncated,
    `it has ${file.sizeBytes} bytes, but its ${what} would end at ${end}`,
    'give the whole file',
  );
}
