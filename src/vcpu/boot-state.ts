/**
 * State of the boot processor at the first instruction of the kernel, and the tables in guest memory that it needs.
 *
 * Two entries: `linux64`, the 64-bit entry of the Linux boot protocol (Documentation/arch/x86/boot.rst, "64-bit Boot
 * Protocol"), and `pvh32`, the 32-bit entry of PVH (Xen docs/misc/pvh.pandoc). Application processors start with
 * INIT and SIPI, which KVM carries out.
 */
import { assert } from '../base/assert.ts';
import type { StructInit } from '../base/struct.ts';
import { KVM_MP_STATE_RUNNABLE, KVM_MP_STATE_UNINITIALIZED } from '../hypervisor/constants.ts';
import type { CpuidEntry } from '../hypervisor/cpuid-entry.ts';
import type { KVM_REGS, KVM_SEGMENT, KVM_SREGS, KvmSregs } from '../hypervisor/structs.ts';
import type { VcpuFd } from '../hypervisor/vcpu-fd.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import {
  BOOT_GDT,
  BOOT_IDT,
  BOOT_PD,
  BOOT_PD_COUNT,
  BOOT_PDPT,
  BOOT_PML4,
  BOOT_STACK,
  MIB,
  PAGE_SIZE,
  PVH_START_INFO,
  ZERO_PAGE,
} from '../memory/layout.ts';
import { bootMsrs } from './msrs.ts';

/** Where and how the guest begins. */
export interface BootEntry {
  readonly mode: 'linux64' | 'pvh32';
  /** Guest-physical address of the first instruction; memory is mapped one to one there. */
  readonly address: number;
  /** Zero page (`linux64`) or `hvm_start_info` (`pvh32`); their places in layout.ts unless given. */
  readonly infoAddress?: number;
}

type SegmentInit = StructInit<typeof KVM_SEGMENT>;

const CR0_PE = 1n;
const CR0_ET = 1n << 4n;
const CR0_PG = 1n << 31n;
const CR4_PAE = 1n << 5n;
const EFER_LME = 1n << 8n;
const EFER_LMA = 1n << 10n;
/** Bit 1 of RFLAGS is always set; interrupts are off. */
const RFLAGS_RESERVED = 2n;

const TYPE_CODE_READ_ACCESSED = 0xb;
const TYPE_DATA_WRITE_ACCESSED = 0x3;
const TYPE_TSS_BUSY = 0xb;
/** The boot protocol names these selectors; the TSS takes the one that is left before them. */
const SELECTOR_TSS = 0x08;
const SELECTOR_CODE = 0x10;
const SELECTOR_DATA = 0x18;
const GDT_ENTRY_BYTES = 8;
const GDT_ENTRIES = 4;
const IDT_BYTES = 8;

const PTE_PRESENT = 1;
const PTE_WRITE = 2;
const PDE_LARGE = 0x80;
const LARGE_PAGE_BYTES = 2 * MIB;
const ENTRIES_PER_TABLE = 512;

const APIC_LVT_LINT0 = 0x350;
const APIC_LVT_LINT1 = 0x360;
const APIC_DELIVERY_MASK = 0x700;
const APIC_DELIVERY_NMI = 0x400;
const APIC_DELIVERY_EXTINT = 0x700;

const FPU_CONTROL_WORD = 0x37f;
const SSE_CONTROL_WORD = 0x1f80;

/** A flat 4 GiB segment, or the 64-bit code segment. */
function flatSegment(selector: number, type: number, width: 'long' | '32'): SegmentInit {
  return {
    limit: 0xffff_ffff,
    selector,
    type,
    present: 1,
    s: 1,
    g: 1,
    db: width === '32' ? 1 : 0,
    l: width === 'long' ? 1 : 0,
  };
}

const TSS_SEGMENT: SegmentInit = {
  limit: 0x67,
  selector: SELECTOR_TSS,
  type: TYPE_TSS_BUSY,
  present: 1,
};

/** The code segment of an entry mode. */
function codeSegment(mode: BootEntry['mode']): SegmentInit {
  const width = mode === 'linux64' ? 'long' : '32';
  return flatSegment(SELECTOR_CODE, TYPE_CODE_READ_ACCESSED, width);
}

const DATA_SEGMENT = flatSegment(SELECTOR_DATA, TYPE_DATA_WRITE_ACCESSED, '32');

/** Packs a segment with base 0 into a descriptor of the GDT (Intel SDM vol. 3 §3.4.5). */
function descriptor(segment: SegmentInit): bigint {
  const limit = segment.limit ?? 0;
  const inUnits = segment.g === 1 ? Math.floor(limit / PAGE_SIZE) : limit;
  const access = (segment.type ?? 0) | ((segment.s ?? 0) << 4) | ((segment.present ?? 0) << 7);
  const flags = ((segment.l ?? 0) << 1) | ((segment.db ?? 0) << 2) | ((segment.g ?? 0) << 3);
  const high = access | (Math.floor(inUnits / 0x1_0000) << 8) | (flags << 12);
  return (BigInt(high) << 40n) | BigInt(inUnits % 0x1_0000);
}

/** Writes GDT and IDT, and for `linux64` page tables that map the first 4 GiB one to one by 2 MiB pages. */
export function writeBootTables(memory: GuestMemory, mode: BootEntry['mode']): void {
  const gdt = [
    0n,
    descriptor(TSS_SEGMENT),
    descriptor(codeSegment(mode)),
    descriptor(DATA_SEGMENT),
  ];
  assert(gdt.length * GDT_ENTRY_BYTES <= BOOT_IDT - BOOT_GDT, 'the boot GDT runs into the IDT');
  memory.write(BOOT_GDT, quadwords(gdt));
  memory.write(BOOT_IDT, new Uint8Array(IDT_BYTES));
  if (mode === 'linux64') {
    writePageTables(memory);
  }
}

function writePageTables(memory: GuestMemory): void {
  const link = PTE_PRESENT | PTE_WRITE;
  memory.write(BOOT_PML4, table([BOOT_PDPT + link]));
  const directories = Array.from({ length: BOOT_PD_COUNT }, (_, n) => BOOT_PD + n * PAGE_SIZE);
  memory.write(BOOT_PDPT, table(directories.map((address) => address + link)));
  directories.forEach((address, n) => {
    const pages = Array.from({ length: ENTRIES_PER_TABLE }, (_, index) => {
      return (n * ENTRIES_PER_TABLE + index) * LARGE_PAGE_BYTES + link + PDE_LARGE;
    });
    memory.write(address, table(pages));
  });
}

/** One page of page-table entries, the rest of it not present. */
function table(entries: readonly number[]): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE);
  page.set(quadwords(entries.map(BigInt)));
  return page;
}

function quadwords(values: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    view.setBigUint64(index * 8, value, true);
  });
  return bytes;
}

/** General registers at the entry. */
export function bootRegs(entry: BootEntry): StructInit<typeof KVM_REGS> {
  const rip = entry.address;
  if (entry.mode === 'pvh32') {
    return { rip, rflags: RFLAGS_RESERVED, rbx: entry.infoAddress ?? PVH_START_INFO };
  }
  const rsi = entry.infoAddress ?? ZERO_PAGE;
  return { rip, rflags: RFLAGS_RESERVED, rsi, rsp: BOOT_STACK, rbp: BOOT_STACK };
}

/**
 * Segment and control registers at the entry.
 *
 * @param reset what KVM starts the vCPU with; what the entry does not define (the APIC base) stays.
 */
export function bootSregs(reset: KvmSregs, mode: BootEntry['mode']): StructInit<typeof KVM_SREGS> {
  const data = DATA_SEGMENT;
  const segments = { cs: codeSegment(mode), ds: data, es: data, fs: data, gs: data, ss: data };
  const tables = {
    tr: TSS_SEGMENT,
    gdt: { base: BOOT_GDT, limit: GDT_ENTRIES * GDT_ENTRY_BYTES - 1 },
    idt: { base: BOOT_IDT, limit: IDT_BYTES - 1 },
  };
  const control =
    mode === 'linux64'
      ? { cr0: CR0_PE | CR0_ET | CR0_PG, cr3: BOOT_PML4, cr4: CR4_PAE, efer: EFER_LME | EFER_LMA }
      : { cr0: CR0_PE | CR0_ET, cr3: 0, cr4: 0, efer: 0 };
  return { ...reset, ...segments, ...tables, ...control };
}

/** Sets the local interrupt pins as firmware does: PIC interrupts on LINT0, NMI on LINT1 (MP spec 1.4 §3.6.2). */
export function wireLocalInterrupts(lapic: Uint8Array<ArrayBuffer>): void {
  const registers = new DataView(lapic.buffer, lapic.byteOffset, lapic.byteLength);
  const setMode = (register: number, mode: number) => {
    const old = registers.getUint32(register, true);
    registers.setUint32(register, (old & ~APIC_DELIVERY_MASK) | mode, true);
  };
  setMode(APIC_LVT_LINT0, APIC_DELIVERY_EXTINT);
  setMode(APIC_LVT_LINT1, APIC_DELIVERY_NMI);
}

/** What one vCPU starts from. */
export interface VcpuSetup {
  /** 0 for the boot processor. */
  readonly index: number;
  /** Of {@link buildVcpuCpuid}. */
  readonly cpuid: readonly CpuidEntry[];
  readonly entry: BootEntry;
}

/**
 * Gives a new vCPU its whole state. The machine has its interrupt controllers, and {@link writeBootTables} is done.
 *
 * @throws ERR_SYSCALL or ERR_VCPU_MSR
 */
export function setupVcpu(vcpu: VcpuFd, setup: VcpuSetup): void {
  vcpu.setCpuid2(setup.cpuid);
  vcpu.setMsrs(bootMsrs());
  const lapic = vcpu.getLapic();
  wireLocalInterrupts(lapic);
  vcpu.setLapic(lapic);
  if (setup.index > 0) {
    vcpu.setMpState(KVM_MP_STATE_UNINITIALIZED);
    return;
  }
  vcpu.setFpu({ fcw: FPU_CONTROL_WORD, mxcsr: SSE_CONTROL_WORD });
  vcpu.setSregs(bootSregs(vcpu.getSregs(), setup.entry.mode));
  vcpu.setRegs(bootRegs(setup.entry));
  vcpu.setMpState(KVM_MP_STATE_RUNNABLE);
}
