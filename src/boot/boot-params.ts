/**
 * The zero page: what a boot loader tells a Linux kernel, for the 64-bit entry.
 *
 * `screen_info` stays zero on purpose: no columns and no lines mean that there is no display, and the kernel then
 * leaves VGA alone. So does the sentinel at 0x1ef, which tells the kernel that the whole page was cleared.
 *
 * Spec: Linux Documentation/arch/x86/boot.rst and zero-page.rst.
 */
import { assert } from '../base/assert.ts';
import { CMDLINE_MAX, ZERO_PAGE } from '../memory/layout.ts';
import type { BootMemory } from './boot-memory.ts';
import {
  BOOT_FLAG_MAGIC,
  BOOT_PARAMS,
  BOOT_PARAMS_BYTES,
  E820_ENTRIES_MAX,
  E820_ENTRY_BYTES,
  HEADER_MAGIC,
} from './boot-params-layout.ts';
import type { E820Entry } from './e820.ts';
import type { PlacedInitrd } from './initrd.ts';

/** What goes into the zero page. */
export interface BootParams {
  /** The setup header of a bzImage, from offset 0x1f1; without one it is made up, as a vmlinux has none. */
  readonly setupHeader?: Uint8Array;
  readonly cmdline: number;
  readonly setupData: number;
  readonly e820: readonly E820Entry[];
  readonly initrd?: PlacedInitrd;
  /** Address of the ACPI root pointer; without one the kernel searches for it. */
  readonly rsdp?: number;
}

/** "An undefined boot loader". */
const LOADER_TYPE_UNDEFINED = 0xff;
/** The protocol version whose fields we fill in. */
const PROTOCOL_VERSION = 0x020f;
const LOADED_HIGH = 1;
/** Alignment of a kernel that states none: CONFIG_PHYSICAL_ALIGN's usual value. It must not be zero. */
const KERNEL_ALIGNMENT = 0x100_0000;

/** Writes the zero page; returns its address, which the kernel expects in RSI. */
export function writeBootParams(memory: BootMemory, params: BootParams): number {
  const page = new Uint8Array(BOOT_PARAMS_BYTES);
  const view = new DataView(page.buffer);
  if (params.setupHeader === undefined) {
    makeSetupHeader(view);
  } else {
    page.set(params.setupHeader, BOOT_PARAMS.setupHeader);
  }
  view.setUint8(BOOT_PARAMS.typeOfLoader, LOADER_TYPE_UNDEFINED);
  view.setUint32(BOOT_PARAMS.cmdLinePtr, params.cmdline, true);
  view.setBigUint64(BOOT_PARAMS.setupData, BigInt(params.setupData), true);
  view.setBigUint64(BOOT_PARAMS.acpiRsdpAddr, BigInt(params.rsdp ?? 0), true);
  if (params.initrd !== undefined) {
    // Below 4 GiB, so the upper halves in ext_ramdisk_image and ext_ramdisk_size stay zero.
    view.setUint32(BOOT_PARAMS.ramdiskImage, params.initrd.start, true);
    view.setUint32(BOOT_PARAMS.ramdiskSize, params.initrd.sizeBytes, true);
  }
  setE820(view, params.e820);
  memory.write(ZERO_PAGE, page);
  return ZERO_PAGE;
}

function makeSetupHeader(view: DataView): void {
  view.setUint16(BOOT_PARAMS.bootFlag, BOOT_FLAG_MAGIC, true);
  view.setUint32(BOOT_PARAMS.header, HEADER_MAGIC, true);
  view.setUint16(BOOT_PARAMS.version, PROTOCOL_VERSION, true);
  view.setUint8(BOOT_PARAMS.loadflags, LOADED_HIGH);
  view.setUint32(BOOT_PARAMS.kernelAlignment, KERNEL_ALIGNMENT, true);
  view.setUint32(BOOT_PARAMS.cmdlineSize, CMDLINE_MAX - 1, true);
}

function setE820(view: DataView, entries: readonly E820Entry[]): void {
  assert(entries.length <= E820_ENTRIES_MAX, `${entries.length} e820 entries`);
  view.setUint8(BOOT_PARAMS.e820Entries, entries.length);
  entries.forEach((entry, index) => {
    const at = BOOT_PARAMS.e820Table + index * E820_ENTRY_BYTES;
    view.setBigUint64(at, BigInt(entry.start), true);
    view.setBigUint64(at + 8, BigInt(entry.sizeBytes), true);
    view.setUint32(at + 16, entry.type, true);
  });
}
