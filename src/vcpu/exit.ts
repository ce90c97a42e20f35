/**
 * The report on a vCPU that KVM cannot run any further: what KVM says, where the guest was, what to do.
 *
 * Everything here is the guest's or KVM's; it only ends up in text.
 */
import { existsSync } from 'node:fs';
import { describeError } from '../base/errors.ts';
import { KVM_RUN_STATE, type KvmRegs, type KvmSregs } from '../hypervisor/structs.ts';
import type { VcpuFd } from '../hypervisor/vcpu-fd.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import {
  decodeExit,
  exitName,
  KVM_INTERNAL_ERROR_DELIVERY_EV,
  KVM_INTERNAL_ERROR_EMULATION,
  KVM_INTERNAL_ERROR_SIMUL_EX,
  KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON,
  type VcpuExit,
} from './exit-decode.ts';
import { walkPageTables } from './page-walk.ts';

/** Loaded on hosts whose KVM runs ring 3 natively and emulates ring 0. */
const RING0_EMULATING_MODULE = '/sys/module/kvm_pvm';
const INSTRUCTION_BYTES_MAX = 15;
const PAGE_BYTES = 4096n;
const CR0_PE = 1n;
const EFER_LMA = 1n << 10n;

const SUBERROR_TEXTS: ReadonlyMap<number, string> = new Map([
  [KVM_INTERNAL_ERROR_EMULATION, 'KVM could not emulate an instruction'],
  [KVM_INTERNAL_ERROR_SIMUL_EX, 'exceptions that cannot occur together'],
  [KVM_INTERNAL_ERROR_DELIVERY_EV, 'an unexpected exit while an event was delivered'],
  [KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, 'an unexpected hardware exit'],
]);

/** What a report is made of. */
export interface VcpuFailure {
  readonly reason: number;
  readonly exit: VcpuExit;
  readonly regs: KvmRegs;
  readonly sregs: KvmSregs;
  /** Bytes at RIP; empty where they cannot be read. */
  readonly code: Uint8Array;
  /** This host's KVM emulates ring 0. */
  readonly emulatesRing0: boolean;
}

/** True when the module that emulates ring 0 is loaded; the doctor's probe is the reliable test. */
export function hostEmulatesRing0(): boolean {
  return existsSync(RING0_EMULATING_MODULE);
}

/**
 * Describes the failed exit that a vCPU is in, in the thread that runs it. Never throws.
 *
 * @param memory for the instruction at RIP; without it only what KVM gives is shown.
 */
export function describeVcpuFailure(vcpu: VcpuFd, memory?: GuestMemory): string {
  const exit = decodeExit(vcpu.runState);
  const reason = exitReason(vcpu.runState);
  try {
    const regs = vcpu.getRegs();
    const sregs = vcpu.getSregs();
    const code = memory === undefined ? new Uint8Array() : readCode(memory, regs, sregs);
    const emulatesRing0 = hostEmulatesRing0();
    return formatVcpuFailure({ reason, exit, regs, sregs, code, emulatesRing0 });
  } catch (error) {
    return `${headline(reason, exit)}\n  its registers cannot be read: ${describeError(error)}`;
  }
}

function exitReason(run: DataView): number {
  return run.getUint32(KVM_RUN_STATE.fields.exit_reason.offset, true);
}

/** The report as text: a headline, then indented lines. */
export function formatVcpuFailure(failure: VcpuFailure): string {
  const { reason, exit, sregs, regs } = failure;
  const where =
    `at ${modeName(sregs)}, CPL ${cplOf(sregs)}, ` +
    `CS:RIP ${hex(BigInt(sregs.cs.selector), 4)}:${hex(regs.rip)}, RFLAGS ${hex(regs.rflags)}`;
  const lines = [
    where,
    ...instructionLines(failure),
    ...registerLines(regs),
    `CR0 ${hex(sregs.cr0)} CR2 ${hex(sregs.cr2)} CR3 ${hex(sregs.cr3)} CR4 ${hex(sregs.cr4)} EFER ${hex(sregs.efer)}`,
    ...dataLines(exit),
    ...advice(failure),
  ];
  return [headline(reason, exit), ...lines.map((line) => `  ${line}`)].join('\n');
}

function headline(reason: number, exit: VcpuExit): string {
  const name = exitName(reason);
  if (exit.kind === 'internalError') {
    const text = SUBERROR_TEXTS.get(exit.suberror) ?? 'of a kind unknown here';
    return `the vCPU stopped with ${name}, suberror ${exit.suberror}: ${text}`;
  }
  if (exit.kind === 'failEntry') {
    const { hardwareReason, cpu } = exit;
    return `the vCPU stopped with ${name}: the processor refused to enter the guest, hardware reason ${hex(hardwareReason)}, host CPU ${cpu}`;
  }
  return `the vCPU stopped with ${name}`;
}

/** Privilege level: that of SS, as the processor defines it; 0 before protected mode. */
function cplOf(sregs: KvmSregs): number {
  return (sregs.cr0 & CR0_PE) === 0n ? 0 : sregs.ss.dpl;
}

function modeName(sregs: KvmSregs): string {
  if ((sregs.cr0 & CR0_PE) === 0n) {
    return 'real mode';
  }
  if ((sregs.efer & EFER_LMA) === 0n) {
    return 'protected mode';
  }
  return sregs.cs.l === 1 ? '64-bit mode' : 'compatibility mode';
}

function hex(value: bigint, digits = 1): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

function hexBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

function instructionLines({ exit, code }: VcpuFailure): string[] {
  const lines: string[] = [];
  if (exit.kind === 'internalError' && exit.instruction !== undefined) {
    lines.push(`instruction that KVM could not emulate: ${hexBytes(exit.instruction)}`);
  }
  if (code.length > 0) {
    lines.push(`bytes at RIP: ${hexBytes(code)}`);
  }
  return lines;
}

function registerLines(regs: KvmRegs): string[] {
  const names = Object.entries(regs).filter(([name]) => name !== 'rip' && name !== 'rflags');
  const texts = names.map(([name, value]) => `${name.toUpperCase()} ${hex(value)}`);
  const lines: string[] = [];
  for (let start = 0; start < texts.length; start += 4) {
    lines.push(texts.slice(start, start + 4).join(' '));
  }
  return lines;
}

function dataLines(exit: VcpuExit): string[] {
  const data = exit.kind === 'internalError' ? exit.data : [];
  return data.length === 0 ? [] : [`data: ${data.map((word) => hex(word)).join(' ')}`];
}

function advice({ exit, sregs, emulatesRing0 }: VcpuFailure): string[] {
  const isEmulation =
    exit.kind === 'internalError' && exit.suberror === KVM_INTERNAL_ERROR_EMULATION;
  if (!isEmulation || cplOf(sregs) !== 0) {
    return [];
  }
  if (emulatesRing0) {
    return [
      'This host’s KVM (module kvm_pvm) emulates ring 0 and lacks this instruction, so an operating system does not ' +
        'boot on it. Use a host with hardware virtualization, or the emulated host that `npm start` falls back on; ' +
        '`crosvm doctor` tells which this is.',
    ];
  }
  return [
    'KVM emulates ring-0 code where the processor cannot run it itself: real mode on old processors, or access to a ' +
      'device with an unusual instruction. See the host’s kernel log, and `crosvm doctor`.',
  ];
}

/** Up to 15 bytes at CS:RIP, through the guest's page tables. */
function readCode(memory: GuestMemory, regs: KvmRegs, sregs: KvmSregs): Uint8Array {
  const linear = BigInt.asUintN(64, sregs.cs.base + regs.rip);
  const gpa = walkPageTables(sregs, linear, (address, sizeBytes) =>
    readNumber(memory, address, sizeBytes),
  );
  if (gpa === undefined) {
    return new Uint8Array();
  }
  // The next page may be mapped elsewhere.
  const length = Math.min(INSTRUCTION_BYTES_MAX, Number(PAGE_BYTES - (gpa % PAGE_BYTES)));
  return memory.contains(Number(gpa), length) ? memory.read(Number(gpa), length) : new Uint8Array();
}

function readNumber(memory: GuestMemory, gpa: bigint, sizeBytes: 4 | 8): bigint | undefined {
  const address = Number(gpa);
  if (!memory.contains(address, sizeBytes)) {
    return undefined;
  }
  const bytes = memory.read(address, sizeBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return sizeBytes === 8 ? view.getBigUint64(0, true) : BigInt(view.getUint32(0, true));
}
