/**
 * Writes cpio archives in the "newc" form, the one that Linux unpacks as its initial root file system
 * (Documentation/driver-api/early-userspace/buffer-format.rst).
 *
 * The same entries always make the same bytes: inode numbers count up, times and owners are 0. Needs no privilege
 * for device nodes.
 */

import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, relative } from 'node:path';

const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
const S_IFCHR = 0o020000;
const ALIGNMENT_BYTES = 4;
const MAGIC = '070701';
const TRAILER = 'TRAILER!!!';

/** What one entry holds, besides its path. */
interface CpioEntry {
  readonly path: string;
  readonly mode: number;
  readonly data?: Uint8Array;
  readonly device?: readonly [major: number, minor: number];
}

/** Collects entries; parent directories are added by themselves. */
export class CpioArchive {
  readonly #entries = new Map<string, CpioEntry>();

  /** Adds a directory and the directories above it. */
  addDirectory(path: string): void {
    this.#addParents(path);
    this.#add({ path, mode: S_IFDIR | 0o755 });
  }

  /** Adds a regular file; the mode gives the permission bits. */
  addFile(path: string, data: Uint8Array | string, mode = 0o644): void {
    this.#addParents(path);
    this.#add({ path, mode: S_IFREG | mode, data: Buffer.from(data) });
  }

  /** Adds a symbolic link. */
  addSymlink(path: string, target: string): void {
    this.#addParents(path);
    this.#add({ path, mode: S_IFLNK | 0o777, data: Buffer.from(target) });
  }

  /** Adds a character device node. */
  addCharacterDevice(path: string, major: number, minor: number): void {
    this.#addParents(path);
    this.#add({ path, mode: S_IFCHR | 0o600, device: [major, minor] });
  }

  /** Adds everything below a directory of this machine, with its permission bits and without its owners. */
  addTree(directory: string): void {
    const found = readdirSync(directory, { recursive: true, withFileTypes: true });
    const paths = found.map((entry) => join(entry.parentPath, entry.name)).sort();
    for (const file of paths) {
      const path = relative(directory, file);
      const stat = lstatSync(file);
      if (stat.isDirectory()) {
        this.addDirectory(path);
      } else if (stat.isSymbolicLink()) {
        this.addSymlink(path, readlinkSync(file));
      } else {
        this.addFile(path, readFileSync(file), stat.mode & 0o777);
      }
    }
  }

  /** The archive's bytes. Linux accepts several such archives one after the other. */
  toBuffer(): Buffer {
    const parts: Buffer[] = [];
    let inode = 1;
    for (const entry of this.#entries.values()) {
      parts.push(encodeEntry(entry, inode++));
    }
    parts.push(encodeEntry({ path: TRAILER, mode: 0 }, 0));
    return Buffer.concat(parts);
  }

  #addParents(path: string): void {
    const parts = path.split('/').slice(0, -1);
    for (let depth = 1; depth <= parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/');
      if (!this.#entries.has(parent)) {
        this.#add({ path: parent, mode: S_IFDIR | 0o755 });
      }
    }
  }

  #add(entry: CpioEntry): void {
    this.#entries.set(entry.path, entry);
  }
}

/** Header of 13 eight-digit hexadecimal fields after the magic, then the name and the data, each padded to 4 bytes. */
function encodeEntry(entry: CpioEntry, inode: number): Buffer {
  const name = Buffer.from(`${entry.path}\0`);
  const data = Buffer.from(entry.data ?? []);
  const [major, minor] = entry.device ?? [0, 0];
  const isDirectory = (entry.mode & 0o170000) === S_IFDIR;
  const fields = [
    inode,
    entry.mode,
    0, // uid
    0, // gid
    isDirectory ? 2 : 1, // links
    0, // modification time
    data.length,
    0, // device of the archive's source
    0,
    major,
    minor,
    name.length,
    0, // checksum, which newc leaves empty
  ];
  const header = Buffer.from(
    MAGIC + fields.map((field) => field.toString(16).padStart(8, '0')).join(''),
  );
  return Buffer.concat([padded(Buffer.concat([header, name])), padded(data)]);
}

function padded(bytes: Buffer): Buffer {
  const missing = (ALIGNMENT_BYTES - (bytes.length % ALIGNMENT_BYTES)) % ALIGNMENT_BYTES;
  return Buffer.concat([bytes, Buffer.alloc(missing)]);
}
