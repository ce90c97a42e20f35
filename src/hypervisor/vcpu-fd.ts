/**
 * One vCPU: its registers, and running it (KVM API §4.10 and §5).
 *
 * A vCPU's descriptor belongs to whoever created it; the thread that runs it makes a {@link VcpuFd} of the raw number.
 * KVM expects every request of a vCPU from the thread that runs it.
 */
import { type HostAddress, hostAddress } from '../base/brands.ts';
import { HostError } from '../base/errors.ts';
import {
  type AnyStruct,
  decodeStruct,
  encodeStruct,
  type StructInit,
  type StructValue,
} from '../base/struct.ts';
import { checkResult, EAGAIN, EFAULT, EINTR, errnoName } from '../sys/errno.ts';
import { ioctl } from '../sys/ioctl.ts';
import { lastErrno, viewMemory } from '../sys/libc.ts';
import { allocateNative, mapShared, type NativeBuffer } from '../sys/mmap.ts';
import {
  CPUID_ENTRIES_MAX,
  CPUID_TABLE_BYTES,
  type CpuidEntry,
  decodeCpuid,
  encodeCpuid,
} from './cpuid-entry.ts';
import * as request from './ioctls.ts';
import * as table from './structs.ts';

/** {@link VcpuFd.run} came back without an exit (a signal, `immediate_exit`, a woken processor): look around, run again. */
export const RUN_INTERRUPTED = -1;

const IMMEDIATE_EXIT = table.KVM_RUN_STATE.fields.immediate_exit.offset;
const EXIT_REASON_WORD = table.KVM_RUN_STATE.fields.exit_reason.offset / 4;
/** Largest of the fixed structures. */
const SCRATCH_BYTES = table.KVM_XSAVE.sizeBytes;
const MSR_BATCH_MAX = 240;

/** One model-specific register and its value. */
export interface Msr {
  readonly index: number;
  readonly data: bigint;
}

/** Result of {@link VcpuFd.translate}. */
export interface Translation {
  readonly gpa: bigint;
  readonly writeable: boolean;
  readonly usermode: boolean;
}

export class VcpuFd {
  readonly #fd: number;
  readonly #reason: Uint32Array;
  readonly #scratch: NativeBuffer = allocateNative(SCRATCH_BYTES);
  /** The whole mapping: `kvm_run`, the page of port I/O data, the coalesced ring. */
  readonly mapping: ArrayBuffer;
  /** `kvm_run` and the port I/O data, for decoding exits and answering them. */
  readonly runState: DataView;
  readonly bytes: Uint8Array;
  /** Host address of `kvm_run`. */
  readonly address: HostAddress;

  /**
   * Maps `kvm_run`; the mapping lasts until the process ends.
   *
   * @param fd borrowed.
   * @param mmapSizeBytes of `Kvm.getVcpuMmapSize`.
   * @throws ERR_SYSCALL
   */
  constructor(fd: number, mmapSizeBytes: number) {
    this.#fd = fd;
    this.address = mapShared(fd, mmapSizeBytes, 0);
    this.mapping = viewMemory(this.address, mmapSizeBytes);
    this.runState = new DataView(this.mapping);
    this.bytes = new Uint8Array(this.mapping);
    this.#reason = new Uint32Array(this.mapping, 0, EXIT_REASON_WORD + 1);
  }

  get raw(): number {
    return this.#fd;
  }

  /** Host address of `kvm_run.immediate_exit`, for a signal handler that stops this vCPU. */
  get immediateExitAddress(): HostAddress {
    return hostAddress(this.address + IMMEDIATE_EXIT);
  }

  /** Makes the next {@link run} finish the exit that is under way and return without entering the guest. */
  setImmediateExit(enabled: boolean): void {
    this.bytes[IMMEDIATE_EXIT] = enabled ? 1 : 0;
  }

  /**
   * Runs the guest until it needs something. Blocks; allocates nothing unless it fails.
   *
   * @returns a KVM_EXIT_* reason, or {@link RUN_INTERRUPTED}.
   * @throws ERR_VCPU_RUN when KVM cannot run this vCPU at all.
   */
  run(): number {
    if (ioctl(this.#fd, request.KVM_RUN, 0) < 0) {
      return this.#runFailed(lastErrno());
    }
    return this.#reason[EXIT_REASON_WORD] ?? RUN_INTERRUPTED;
  }

  setCpuid2(entries: readonly CpuidEntry[]): void {
    const buffer = allocateNative(CPUID_TABLE_BYTES);
    encodeCpuid(buffer.view, entries);
    this.#call('KVM_SET_CPUID2', request.KVM_SET_CPUID2, buffer.address);
  }

  getCpuid2(): CpuidEntry[] {
    const buffer = allocateNative(CPUID_TABLE_BYTES);
    buffer.view.setUint32(table.KVM_CPUID2.fields.nent.offset, CPUID_ENTRIES_MAX, true);
    this.#call('KVM_GET_CPUID2', request.KVM_GET_CPUID2, buffer.address);
    return decodeCpuid(buffer.view);
  }

  getRegs(): table.KvmRegs {
    return this.#get('KVM_GET_REGS', request.KVM_GET_REGS, table.KVM_REGS);
  }

  setRegs(regs: StructInit<typeof table.KVM_REGS>): void {
    this.#set('KVM_SET_REGS', request.KVM_SET_REGS, table.KVM_REGS, regs);
  }

  getSregs(): table.KvmSregs {
    return this.#get('KVM_GET_SREGS', request.KVM_GET_SREGS, table.KVM_SREGS);
  }

  setSregs(sregs: StructInit<typeof table.KVM_SREGS>): void {
    this.#set('KVM_SET_SREGS', request.KVM_SET_SREGS, table.KVM_SREGS, sregs);
  }

  getFpu(): table.KvmFpu {
    return this.#get('KVM_GET_FPU', request.KVM_GET_FPU, table.KVM_FPU);
  }

  setFpu(fpu: StructInit<typeof table.KVM_FPU>): void {
    this.#set('KVM_SET_FPU', request.KVM_SET_FPU, table.KVM_FPU, fpu);
  }

  getVcpuEvents(): table.KvmVcpuEvents {
    return this.#get('KVM_GET_VCPU_EVENTS', request.KVM_GET_VCPU_EVENTS, table.KVM_VCPU_EVENTS);
  }

  setVcpuEvents(events: StructInit<typeof table.KVM_VCPU_EVENTS>): void {
    const number = request.KVM_SET_VCPU_EVENTS;
    this.#set('KVM_SET_VCPU_EVENTS', number, table.KVM_VCPU_EVENTS, events);
  }

  getDebugregs(): table.KvmDebugregs {
    return this.#get('KVM_GET_DEBUGREGS', request.KVM_GET_DEBUGREGS, table.KVM_DEBUGREGS);
  }

  setDebugregs(registers: StructInit<typeof table.KVM_DEBUGREGS>): void {
    this.#set('KVM_SET_DEBUGREGS', request.KVM_SET_DEBUGREGS, table.KVM_DEBUGREGS, registers);
  }

  /** One of KVM_MP_STATE_*. Needs the in-kernel interrupt controllers. */
  getMpState(): number {
    return this.#get('KVM_GET_MP_STATE', request.KVM_GET_MP_STATE, table.KVM_MP_STATE).mp_state;
  }

  setMpState(state: number): void {
    const number = request.KVM_SET_MP_STATE;
    this.#set('KVM_SET_MP_STATE', number, table.KVM_MP_STATE, { mp_state: state });
  }

  /** The local APIC's register page, 1024 bytes: a copy. */
  getLapic(): Uint8Array<ArrayBuffer> {
    this.#call('KVM_GET_LAPIC', request.KVM_GET_LAPIC);
    return this.#scratch.bytes.slice(0, table.KVM_LAPIC_STATE.sizeBytes);
  }

  setLapic(registers: Uint8Array): void {
    this.#scratch.bytes.set(registers.subarray(0, table.KVM_LAPIC_STATE.sizeBytes));
    this.#call('KVM_SET_LAPIC', request.KVM_SET_LAPIC);
  }

  /**
   * Reads MSRs.
   *
   * @throws ERR_VCPU_MSR naming the first one that KVM does not know.
   */
  getMsrs(indices: readonly number[]): Msr[] {
    const msrs = indices.map((index) => ({ index, data: 0n }));
    return this.#transferMsrs('KVM_GET_MSRS', request.KVM_GET_MSRS, msrs);
  }

  /**
   * Writes MSRs.
   *
   * @throws ERR_VCPU_MSR naming the first one that KVM refuses; those before it are written.
   */
  setMsrs(msrs: readonly Msr[]): void {
    this.#transferMsrs('KVM_SET_MSRS', request.KVM_SET_MSRS, msrs);
  }

  /** Signals to block while the guest runs: `mask` is the kernel's 8-byte sigset, bit n-1 for signal n. */
  setSignalMask(mask: bigint): void {
    const { view } = this.#scratch;
    view.setUint32(0, 8, true);
    view.setBigUint64(table.KVM_SIGNAL_MASK.sizeBytes, mask, true);
    this.#call('KVM_SET_SIGNAL_MASK', request.KVM_SET_SIGNAL_MASK);
  }

  /** Tells the guest's watchdogs that this vCPU was paused, not stuck. False where the guest has no kvmclock. */
  kvmclockCtrl(): boolean {
    return ioctl(this.#fd, request.KVM_KVMCLOCK_CTRL, 0) === 0;
  }

  /** Injects a non-maskable interrupt. */
  nmi(): void {
    this.#call('KVM_NMI', request.KVM_NMI, 0);
  }

  /** Translates a guest-virtual address as this vCPU would now; undefined where it is not mapped. */
  translate(linearAddress: bigint): Translation | undefined {
    const init = { linear_address: linearAddress };
    encodeStruct(table.KVM_TRANSLATION, this.#scratch.view, 0, init);
    this.#call('KVM_TRANSLATE', request.KVM_TRANSLATE);
    const found = decodeStruct(table.KVM_TRANSLATION, this.#scratch.view);
    return found.valid === 0
      ? undefined
      : {
          gpa: found.physical_address,
          writeable: found.writeable !== 0,
          usermode: found.usermode !== 0,
        };
  }

  #runFailed(errno: number): number {
    // EAGAIN: an application processor has been woken and is not yet to run.
    if (errno === EINTR || errno === EAGAIN) {
      return RUN_INTERRUPTED;
    }
    const hint = errno === EFAULT ? ': the host cannot provide a page of guest memory' : '';
    throw new HostError(
      'ERR_VCPU_RUN',
      `KVM cannot run the vCPU: ioctl(KVM_RUN) failed with ${errnoName(errno)}${hint}`,
      { syscall: 'ioctl(KVM_RUN)', errno },
    );
  }

  #transferMsrs(name: string, number: number, msrs: readonly Msr[]): Msr[] {
    const result: Msr[] = [];
    for (let start = 0; start < msrs.length; start += MSR_BATCH_MAX) {
      result.push(
        ...this.#transferMsrBatch(name, number, msrs.slice(start, start + MSR_BATCH_MAX)),
      );
    }
    return result;
  }

  #transferMsrBatch(name: string, number: number, msrs: readonly Msr[]): Msr[] {
    const { view } = this.#scratch;
    encodeStruct(table.KVM_MSRS, view, 0, { nmsrs: msrs.length });
    msrs.forEach((msr, position) => {
      encodeStruct(table.KVM_MSR_ENTRY, view, msrAt(position), msr);
    });
    const done = this.#call(name, number);
    const refused = msrs[done];
    if (refused !== undefined) {
      throw new HostError(
        'ERR_VCPU_MSR',
        `ioctl(${name}): this host's KVM refuses MSR 0x${refused.index.toString(16)}`,
        { syscall: `ioctl(${name})` },
      );
    }
    return msrs.map(({ index }, position) => ({
      index,
      data: decodeStruct(table.KVM_MSR_ENTRY, view, msrAt(position)).data,
    }));
  }

  #get<S extends AnyStruct>(name: string, number: number, shape: S): StructValue<S> {
    this.#call(name, number);
    return decodeStruct(shape, this.#scratch.view);
  }

  #set<S extends AnyStruct>(name: string, number: number, shape: S, init: StructInit<S>): void {
    encodeStruct(shape, this.#scratch.view, 0, init);
    this.#call(name, number);
  }

  #call(name: string, number: number, argument: number = this.#scratch.address): number {
    return checkResult(ioctl(this.#fd, number, argument), `ioctl(${name})`);
  }
}

function msrAt(position: number): number {
  return table.KVM_MSRS.sizeBytes + position * table.KVM_MSR_ENTRY.sizeBytes;
}
