/**
 * The x86-64 guest-physical memory map, in one table.
 *
 * RAM lies below {@link HOLE_START} and, the rest of it, from {@link HIGH_RAM_START}; ARCHITECTURE.md draws the map.
 * The addresses are those of crosvm, so that a guest moves between the two without noticing.
 */

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
export const PAGE_SIZE = 4096;

/** GDT and IDT for the boot processor, inside the first page of RAM. */
export const BOOT_GDT = 0x500;
export const BOOT_IDT = 0x520;
/** PVH: `struct hvm_start_info`, followed by its memory map and module list. */
export const PVH_START_INFO = 0x6000;
/** Linux boot protocol: `struct boot_params`, the "zero page". */
export const ZERO_PAGE = 0x7000;
export const BOOT_STACK = 0x8000;
/** Boot page tables: one PML4, one PDPT and four page directories map the first 4 GiB by 2 MiB pages. */
export const BOOT_PML4 = 0x9000;
export const BOOT_PDPT = 0xa000;
export const BOOT_PD = 0xb000;
export const BOOT_PD_COUNT = 4;
export const CMDLINE = 0x2_0000;
/** Command line limit in bytes, the terminating NUL included. */
export const CMDLINE_MAX = 0x800;
/** Linked list of `struct setup_data`, the random seed among them. */
export const SETUP_DATA = 0x2_0800;
export const SETUP_DATA_END = 0x9_e800;
/** MP configuration table, up to the floating pointer. */
export const MPTABLE = 0x9_e800;
/** MP floating pointer, at the start of the last KiB of conventional memory, one of the places where it is sought. */
export const MP_FLOATING_POINTER = 0x9_fc00;
export const MPTABLE_END = 0xa_0000;
/** End of conventional memory; from here to 1 MiB nothing is RAM to the guest. */
export const LOW_RAM_END = 0xa_0000;
/** ACPI tables, found by the RSDP at the start of the window. */
export const ACPI_START = 0xe_0000;
export const ACPI_END = 0xf_0000;
export const SMBIOS_START = 0xf_0000;
export const SMBIOS_END = 0x10_0000;
export const ONE_MIB = 0x10_0000;
/** Where `vmlinux` and the protected-mode part of a bzImage go unless they ask for another place. */
export const KERNEL_START = 0x20_0000;

/** First address below 4 GiB that is never RAM. */
export const HOLE_START = 0xd000_0000;
/** 32-bit BARs. */
export const LOW_MMIO_START = 0xd000_0000;
export const LOW_MMIO_END = 0xf400_0000;
/** PCI Express configuration space (ECAM): buses 0 to 63, 1 MiB each. */
export const ECAM_START = 0xf400_0000;
export const ECAM_SIZE = 0x400_0000;
export const ECAM_BUS_COUNT = 64;
export const IOAPIC_ADDRESS = 0xfec0_0000;
/** Identity-map page and task state segment that KVM needs on Intel hosts, inside the hole. */
export const IDENTITY_MAP_ADDRESS = 0xfeff_c000;
export const TSS_ADDRESS = 0xfeff_d000;
export const LAPIC_ADDRESS = 0xfee0_0000;
export const HIGH_RAM_START = 0x1_0000_0000;

/** I/O ports that PCI BARs may take. */
export const PCI_IO_START = 0xc000;
export const PCI_IO_END = 0x1_0000;

/** A range of guest-physical addresses, in bytes. */
export interface AddressRange {
  readonly start: number;
  readonly sizeBytes: number;
}

/**
 * Splits an amount of RAM into its ranges: below the hole, and from 4 GiB.
 *
 * @param memoryBytes total RAM, a multiple of the page size.
 */
export function ramRanges(memoryBytes: number): readonly AddressRange[] {
  if (memoryBytes <= HOLE_START) {
    return [{ start: 0, sizeBytes: memoryBytes }];
  }
  return [
    { start: 0, sizeBytes: HOLE_START },
    { start: HIGH_RAM_START, sizeBytes: memoryBytes - HOLE_START },
  ];
}

/** First address above both RAM and 4 GiB, rounded up to 1 GiB: where the window of 64-bit BARs starts. */
export function highMmioStart(memoryBytes: number): number {
  const end = Math.max(HIGH_RAM_START, HIGH_RAM_START + memoryBytes - HOLE_START);
  return Math.ceil(end / GIB) * GIB;
}
/** Size of the window of 64-bit BARs, in bytes. */
export const HIGH_MMIO_SIZE = 64 * GIB;
