/** Memory mappings, and small blocks of memory with an address that system calls can be given. */
import { assert } from '../base/assert.ts';
import { type HostAddress, hostAddress } from '../base/brands.ts';
import { syscallError } from './errno.ts';
import { bindNumeric, viewMemory } from './libc.ts';

const mmap = bindNumeric(
  'intptr_t mmap(uintptr_t address, size_t length, int protection, int flags, int fd, int64_t offset)',
);
const madvise = bindNumeric('int madvise(uintptr_t address, size_t length, int advice)');

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const MADV_DONTDUMP = 16;
/** Linux 5.14: fault pages in for writing ahead of use. */
export const MADV_POPULATE_WRITE = 23;
export const MADV_HUGEPAGE = 14;

const MAP_FAILED = -1;

/**
 * Maps a file for shared reading and writing. The mapping lasts until the process ends, because a view can outlive
 * its owner.
 *
 * @throws ERR_SYSCALL
 */
export function mapShared(fd: number, sizeBytes: number, offset: number): HostAddress {
  const flags = MAP_SHARED | MAP_NORESERVE;
  const address = mmap(0, sizeBytes, PROT_READ | PROT_WRITE, flags, fd, offset);
  if (address === MAP_FAILED) {
    throw syscallError(`mmap of ${sizeBytes} bytes`);
  }
  return hostAddress(address);
}

/** Leaves a mapping out of core dumps: it belongs to the guest. */
export function excludeFromCoreDumps(address: HostAddress, sizeBytes: number): void {
  madvise(address, sizeBytes, MADV_DONTDUMP);
}

/** Gives the kernel advice about a mapping. Returns false where this kernel does not take it. */
export function advise(address: HostAddress, sizeBytes: number, advice: number): boolean {
  return madvise(address, sizeBytes, advice) === 0;
}

/** Memory at a fixed address that both JavaScript and system calls use. */
export interface NativeBuffer {
  readonly address: HostAddress;
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

const ARENA_BYTES = 64 * 1024;
let arena: { readonly base: number; readonly buffer: ArrayBuffer; used: number } | undefined;

function mapArena(sizeBytes: number): { base: number; buffer: ArrayBuffer; used: number } {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  const base = mmap(0, sizeBytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (base === MAP_FAILED) {
    throw syscallError(`mmap of ${sizeBytes} bytes`);
  }
  return { base, buffer: viewMemory(base, sizeBytes), used: 0 };
}

/**
 * Allocates zeroed memory for the arguments of system calls. It is never freed: allocate once per thread or object
 * that lives as long as the machine, not per call.
 *
 * @param sizeBytes any size; those above 64 KiB get a mapping of their own.
 * @param alignment a power of two up to 4096.
 */
export function allocateNative(sizeBytes: number, alignment = 16): NativeBuffer {
  assert(sizeBytes > 0 && alignment <= 4096, 'bad native allocation');
  if (sizeBytes > ARENA_BYTES) {
    return slice(mapArena(sizeBytes), 0, sizeBytes);
  }
  let current = arena;
  let start = current === undefined ? 0 : Math.ceil(current.used / alignment) * alignment;
  if (current === undefined || start + sizeBytes > ARENA_BYTES) {
    current = mapArena(ARENA_BYTES);
    arena = current;
    start = 0;
  }
  current.used = start + sizeBytes;
  return slice(current, start, sizeBytes);
}

function slice(
  source: { readonly base: number; readonly buffer: ArrayBuffer },
  start: number,
  sizeBytes: number,
): NativeBuffer {
  return {
    address: hostAddress(source.base + start),
    bytes: new Uint8Array(source.buffer, start, sizeBytes),
    view: new DataView(source.buffer, start, sizeBytes),
  };
}
