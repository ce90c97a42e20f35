/**
 * `struct hvm_start_info`: what a PVH kernel or firmware is told, by its address in EBX.
 *
 * ```
 * offset  width   field                    address       what we put there
 *      0      4   magic 0x336ec578         0x6000        start info, 56 bytes
 *      4      4   version 1                0x6040        the module (the initrd), 32 bytes
 *      8      4   flags                    0x6060        memory map, 24 bytes an entry
 *     12      4   nr_modules
 *     16      8   modlist_paddr
 *     24      8   cmdline_paddr
 *     32      8   rsdp_paddr
 *     40      8   memmap_paddr
 *     48      4   memmap_entries
 *     52      4   reserved
 * ```
 *
 * Spec: Xen `xen/include/public/arch-x86/hvm/start_info.h`.
 */
import { assert } from '../base/assert.ts';
import { PVH_START_INFO, ZERO_PAGE } from '../memory/layout.ts';
import type { BootMemory } from './boot-memory.ts';
import { ByteWriter } from './byte-writer.ts';
import type { E820Entry } from './e820.ts';
import type { PlacedInitrd } from './initrd.ts';

/** What goes into the start info. */
export interface PvhStartInfo {
  readonly cmdline: number;
  readonly e820: readonly E820Entry[];
  readonly initrd?: PlacedInitrd;
  readonly rsdp?: number;
}

const XEN_HVM_START_MAGIC_VALUE = 0x336e_c578;
/** Version 1 is the first with a memory map. */
const START_INFO_VERSION = 1;
const MODLIST = PVH_START_INFO + 0x40;
const MEMMAP = PVH_START_INFO + 0x60;

/** Writes start info, module list and memory map; returns the address of the first. */
export function writePvhStartInfo(memory: BootMemory, info: PvhStartInfo): number {
  const writer = new ByteWriter()
    .u32(XEN_HVM_START_MAGIC_VALUE)
    .u32(START_INFO_VERSION)
    .u32(0)
    .u32(info.initrd === undefined ? 0 : 1)
    .u64(info.initrd === undefined ? 0 : MODLIST)
    .u64(info.cmdline)
    .u64(info.rsdp ?? 0)
    .u64(MEMMAP)
    .u32(info.e820.length)
    .u32(0);
  writer.zeros(MODLIST - PVH_START_INFO - writer.length);
  // struct hvm_modlist_entry: address, size, command line, reserved.
  writer
    .u64(info.initrd?.start ?? 0)
    .u64(info.initrd?.sizeBytes ?? 0)
    .u64(0)
    .u64(0);
  for (const entry of info.e820) {
    writer.u64(entry.start).u64(entry.sizeBytes).u32(entry.type).u32(0);
  }
  assert(PVH_START_INFO + writer.length <= ZERO_PAGE, 'the PVH memory map outgrew its page');
  memory.write(PVH_START_INFO, writer.finish());
  return PVH_START_INFO;
}
