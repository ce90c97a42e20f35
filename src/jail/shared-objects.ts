/**
 * The shared libraries that a program needs, from the ELF files themselves and from what this process has mapped.
 *
 * A jail runs the Node that runs the parent, so the parent's own dynamic linker has already answered where every
 * library is; `ldd` would start a shell to ask it again.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { HostError } from '../base/errors.ts';

/** What the dynamic linker wants to know of an ELF file. */
export interface SharedObject {
  readonly path: string;
  /** DT_SONAME: the name that others ask for it by. */
  readonly soname: string | undefined;
  /** DT_NEEDED, in order. */
  readonly needed: readonly string[];
  /** PT_INTERP of a program: its dynamic linker. */
  readonly interpreter: string | undefined;
}

const ELF_MAGIC = 0x7f45_4c46;
const ELF_CLASS_64 = 2;
const ELF_LITTLE_ENDIAN = 1;
const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const DYNAMIC_ENTRY_BYTES = 16;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_SONAME = 14;
/** More than any real file's tables have; a broken one must not make us allocate. */
const PART_BYTES_MAX = 64 * 1024;
/** Longest name that is looked for. String tables themselves have megabytes, Node's for instance. */
const NAME_BYTES_MAX = 256;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
}

function readPart(fd: number, path: string, offset: number, size: number): DataView {
  if (size > PART_BYTES_MAX) {
    throw new HostError('ERR_JAIL_ELF', `${path} is not a plausible ELF file`);
  }
  const bytes = new Uint8Array(size);
  if (readSync(fd, bytes, 0, size, offset) !== size) {
    throw new HostError('ERR_JAIL_ELF', `${path} ends before its ELF headers say so`);
  }
  return new DataView(bytes.buffer);
}

// Offsets and addresses of a file are below 2^53.
function u64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}

/** Reads a NUL-terminated string that may be the last thing in the file. */
function readName(fd: number, path: string, offset: number): string {
  const bytes = new Uint8Array(NAME_BYTES_MAX);
  const end = bytes.subarray(0, readSync(fd, bytes, 0, NAME_BYTES_MAX, offset)).indexOf(0);
  if (end < 0) {
    throw new HostError('ERR_JAIL_ELF', `${path} has a name without an end in its ELF headers`);
  }
  return new TextDecoder().decode(bytes.subarray(0, end));
}

function readSegments(fd: number, path: string): Segment[] {
  const header = readPart(fd, path, 0, ELF_HEADER_BYTES);
  if (
    header.getUint32(0) !== ELF_MAGIC ||
    header.getUint8(4) !== ELF_CLASS_64 ||
    header.getUint8(5) !== ELF_LITTLE_ENDIAN ||
    header.getUint16(54, true) !== PROGRAM_HEADER_BYTES
  ) {
    throw new HostError('ERR_JAIL_ELF', `${path} is not a 64-bit little-endian ELF file`);
  }
  const count = header.getUint16(56, true);
  const table = readPart(fd, path, u64(header, 32), count * PROGRAM_HEADER_BYTES);
  return Array.from({ length: count }, (_, index) => {
    const at = index * PROGRAM_HEADER_BYTES;
    return {
      type: table.getUint32(at, true),
      offset: u64(table, at + 8),
      address: u64(table, at + 16),
      fileSize: u64(table, at + 32),
    };
  });
}

function fileOffset(segments: readonly Segment[], address: number, path: string): number {
  const home = segments.find(
    (segment) =>
      segment.type === PT_LOAD &&
      address >= segment.address &&
      address < segment.address + segment.fileSize,
  );
  if (home === undefined) {
    throw new HostError('ERR_JAIL_ELF', `${path} has its string table outside of the file`);
  }
  return home.offset + (address - home.address);
}

function readDynamic(fd: number, path: string, segments: readonly Segment[]) {
  const dynamic = segments.find((segment) => segment.type === PT_DYNAMIC);
  if (dynamic === undefined) {
    return { soname: undefined, needed: [] };
  }
  const table = readPart(fd, path, dynamic.offset, dynamic.fileSize);
  const entries = new Map<number, number[]>();
  for (let at = 0; at + DYNAMIC_ENTRY_BYTES <= table.byteLength; at += DYNAMIC_ENTRY_BYTES) {
    const tag = u64(table, at);
    entries.set(tag, [...(entries.get(tag) ?? []), u64(table, at + 8)]);
  }
  const stringsAt = fileOffset(segments, entries.get(DT_STRTAB)?.[0] ?? 0, path);
  const sonameAt = entries.get(DT_SONAME)?.[0];
  return {
    soname: sonameAt === undefined ? undefined : readName(fd, path, stringsAt + sonameAt),
    needed: (entries.get(DT_NEEDED) ?? []).map((offset) => readName(fd, path, stringsAt + offset)),
  };
}

/**
 * Reads one ELF file.
 *
 * @throws ERR_JAIL_ELF when it is none for this machine.
 */
export function readSharedObject(path: string): SharedObject {
  const fd = openSync(path, 'r');
  try {
    const segments = readSegments(fd, path);
    const interp = segments.find((segment) => segment.type === PT_INTERP);
    return {
      path,
      ...readDynamic(fd, path, segments),
      interpreter: interp === undefined ? undefined : readName(fd, path, interp.offset),
    };
  } finally {
    closeSync(fd);
  }
}

/** Paths of the files that have an executable mapping, from the text of `/proc/self/maps` (proc(5)). */
export function mappedExecutables(maps: string): string[] {
  const paths = maps
    .split('\n')
    .map((line) => /^\S+ ..x. \S+ \S+ \d+ +(\/.*)$/.exec(line)?.[1])
    .filter((path) => path !== undefined && !path.endsWith(' (deleted)'));
  return [...new Set(paths)].filter((path) => path !== undefined);
}

/**
 * All that the dynamic linker loads for some files: name asked for -> file.
 *
 * @param roots programs and libraries to start from.
 * @param available files to find names in; those mapped by this process, as a rule.
 * @throws ERR_JAIL_LIBRARY when a name is not among them.
 */
export function resolveLibraries(
  roots: readonly SharedObject[],
  available: readonly SharedObject[],
): Map<string, string> {
  const bySoname = new Map(available.map((object) => [object.soname, object]));
  const found = new Map<string, string>();
  const pending = [...roots];
  for (let object = pending.pop(); object !== undefined; object = pending.pop()) {
    for (const name of object.needed) {
      const library = bySoname.get(name);
      if (library === undefined) {
        throw new HostError(
          'ERR_JAIL_LIBRARY',
          `${object.path} needs ${name}, which this process has not loaded: the jail cannot be given it`,
        );
      }
      if (!found.has(name)) {
        found.set(name, library.path);
        pending.push(library);
      }
    }
  }
  return found;
}

/** The ELF files that this process has mapped, itself first. */
export function loadedObjects(): SharedObject[] {
  return mappedExecutables(readFileSync('/proc/self/maps', 'utf8')).map(readSharedObject);
}
