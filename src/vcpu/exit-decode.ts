/**
 * Why KVM_RUN came back, read out of `struct kvm_run` (KVM API §5).
 *
 * For reports and tests; the run loop reads the two hot exits (I/O and MMIO) without allocating.
 */
import { KVM_RUN_STATE } from '../hypervisor/structs.ts';

export const KVM_EXIT_UNKNOWN = 0;
export const KVM_EXIT_EXCEPTION = 1;
export const KVM_EXIT_IO = 2;
export const KVM_EXIT_HYPERCALL = 3;
export const KVM_EXIT_DEBUG = 4;
export const KVM_EXIT_HLT = 5;
export const KVM_EXIT_MMIO = 6;
export const KVM_EXIT_IRQ_WINDOW_OPEN = 7;
export const KVM_EXIT_SHUTDOWN = 8;
export const KVM_EXIT_FAIL_ENTRY = 9;
export const KVM_EXIT_INTR = 10;
export const KVM_EXIT_SET_TPR = 11;
export const KVM_EXIT_TPR_ACCESS = 12;
export const KVM_EXIT_NMI = 16;
export const KVM_EXIT_INTERNAL_ERROR = 17;
export const KVM_EXIT_SYSTEM_EVENT = 24;
export const KVM_EXIT_IOAPIC_EOI = 26;
export const KVM_EXIT_HYPERV = 27;
export const KVM_EXIT_X86_RDMSR = 29;
export const KVM_EXIT_X86_WRMSR = 30;
export const KVM_EXIT_DIRTY_RING_FULL = 31;
export const KVM_EXIT_X86_BUS_LOCK = 33;
export const KVM_EXIT_NOTIFY = 37;

export const KVM_INTERNAL_ERROR_EMULATION = 1;
export const KVM_INTERNAL_ERROR_SIMUL_EX = 2;
export const KVM_INTERNAL_ERROR_DELIVERY_EV = 3;
export const KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON = 4;
/** `emulation_failure.flags`: the bytes of the instruction are valid. */
export const KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES = 1;

const EXIT_NAMES: ReadonlyMap<number, string> = new Map([
  [KVM_EXIT_UNKNOWN, 'KVM_EXIT_UNKNOWN'],
  [KVM_EXIT_EXCEPTION, 'KVM_EXIT_EXCEPTION'],
  [KVM_EXIT_IO, 'KVM_EXIT_IO'],
  [KVM_EXIT_HYPERCALL, 'KVM_EXIT_HYPERCALL'],
  [KVM_EXIT_DEBUG, 'KVM_EXIT_DEBUG'],
  [KVM_EXIT_HLT, 'KVM_EXIT_HLT'],
  [KVM_EXIT_MMIO, 'KVM_EXIT_MMIO'],
  [KVM_EXIT_IRQ_WINDOW_OPEN, 'KVM_EXIT_IRQ_WINDOW_OPEN'],
  [KVM_EXIT_SHUTDOWN, 'KVM_EXIT_SHUTDOWN'],
  [KVM_EXIT_FAIL_ENTRY, 'KVM_EXIT_FAIL_ENTRY'],
  [KVM_EXIT_INTR, 'KVM_EXIT_INTR'],
  [KVM_EXIT_SET_TPR, 'KVM_EXIT_SET_TPR'],
  [KVM_EXIT_TPR_ACCESS, 'KVM_EXIT_TPR_ACCESS'],
  [KVM_EXIT_NMI, 'KVM_EXIT_NMI'],
  [KVM_EXIT_INTERNAL_ERROR, 'KVM_EXIT_INTERNAL_ERROR'],
  [KVM_EXIT_SYSTEM_EVENT, 'KVM_EXIT_SYSTEM_EVENT'],
  [KVM_EXIT_IOAPIC_EOI, 'KVM_EXIT_IOAPIC_EOI'],
  [KVM_EXIT_HYPERV, 'KVM_EXIT_HYPERV'],
  [KVM_EXIT_X86_RDMSR, 'KVM_EXIT_X86_RDMSR'],
  [KVM_EXIT_X86_WRMSR, 'KVM_EXIT_X86_WRMSR'],
  [KVM_EXIT_DIRTY_RING_FULL, 'KVM_EXIT_DIRTY_RING_FULL'],
  [KVM_EXIT_X86_BUS_LOCK, 'KVM_EXIT_X86_BUS_LOCK'],
  [KVM_EXIT_NOTIFY, 'KVM_EXIT_NOTIFY'],
]);

/** `KVM_EXIT_HLT` for 5, and so on; the number where there is no name for it here. */
export function exitName(reason: number): string {
  return EXIT_NAMES.get(reason) ?? `KVM exit ${reason}`;
}

/** One exit with its arguments. Addresses are guest-physical. */
export type VcpuExit =
  | {
      readonly kind: 'io';
      readonly isOut: boolean;
      readonly port: number;
      /** Width of one element, in bytes. */
      readonly sizeBytes: number;
      /** Elements: more than one for a string instruction. */
      readonly count: number;
      /** Where the data lies in the mapping of the vCPU. */
      readonly dataOffset: number;
    }
  | {
      readonly kind: 'mmio';
      readonly isWrite: boolean;
      readonly address: number;
      readonly sizeBytes: number;
      readonly dataLow: number;
      readonly dataHigh: number;
    }
  | { readonly kind: 'failEntry'; readonly hardwareReason: bigint; readonly cpu: number }
  | {
      readonly kind: 'internalError';
      readonly suberror: number;
      readonly data: readonly bigint[];
      /** The instruction that could not be emulated, if KVM gives it; up to 15 bytes. */
      readonly instruction?: Uint8Array;
    }
  | { readonly kind: 'systemEvent'; readonly event: number; readonly data: readonly bigint[] }
  | { readonly kind: 'exception'; readonly vector: number; readonly errorCode: number }
  | {
      readonly kind: 'debug';
      readonly vector: number;
      readonly pc: bigint;
      readonly dr6: bigint;
      readonly dr7: bigint;
    }
  | {
      readonly kind: 'msr';
      readonly isWrite: boolean;
      readonly index: number;
      readonly data: bigint;
    }
  | { readonly kind: 'hlt' }
  | { readonly kind: 'shutdown' }
  | { readonly kind: 'intr' }
  | { readonly kind: 'other'; readonly reason: number };

const f = KVM_RUN_STATE.fields;
const INSTRUCTION_BYTES_MAX = 15;
const DATA_WORDS_MAX = 16;

/**
 * Decodes the exit that a vCPU is in.
 *
 * @param run `struct kvm_run`, all of it.
 */
export function decodeExit(run: DataView): VcpuExit {
  const reason = run.getUint32(f.exit_reason.offset, true);
  switch (reason) {
    case KVM_EXIT_IO:
      return decodeIo(run);
    case KVM_EXIT_MMIO:
      return decodeMmio(run);
    case KVM_EXIT_FAIL_ENTRY:
      return {
        kind: 'failEntry',
        hardwareReason: run.getBigUint64(
          f['fail_entry.hardware_entry_failure_reason'].offset,
          true,
        ),
        cpu: run.getUint32(f['fail_entry.cpu'].offset, true),
      };
    case KVM_EXIT_INTERNAL_ERROR:
      return decodeInternalError(run);
    case KVM_EXIT_SYSTEM_EVENT:
      return {
        kind: 'systemEvent',
        event: run.getUint32(f['system_event.type'].offset, true),
        data: dataWords(run, f['system_event.ndata'].offset, f['system_event.data'].offset),
      };
    case KVM_EXIT_EXCEPTION:
      return {
        kind: 'exception',
        vector: run.getUint32(f['ex.exception'].offset, true),
        errorCode: run.getUint32(f['ex.error_code'].offset, true),
      };
    case KVM_EXIT_DEBUG:
      return decodeDebug(run);
    case KVM_EXIT_X86_RDMSR:
    case KVM_EXIT_X86_WRMSR:
      return {
        kind: 'msr',
        isWrite: reason === KVM_EXIT_X86_WRMSR,
        index: run.getUint32(f['msr.index'].offset, true),
        data: run.getBigUint64(f['msr.data'].offset, true),
      };
    case KVM_EXIT_HLT:
      return { kind: 'hlt' };
    case KVM_EXIT_SHUTDOWN:
      return { kind: 'shutdown' };
    case KVM_EXIT_INTR:
      return { kind: 'intr' };
    default:
      return { kind: 'other', reason };
  }
}

function decodeIo(run: DataView): VcpuExit {
  return {
    kind: 'io',
    isOut: run.getUint8(f['io.direction'].offset) === 1,
    sizeBytes: run.getUint8(f['io.size'].offset),
    port: run.getUint16(f['io.port'].offset, true),
    count: run.getUint32(f['io.count'].offset, true),
    // Within three pages: the upper half is 0.
    dataOffset: run.getUint32(f['io.data_offset'].offset, true),
  };
}

function decodeMmio(run: DataView): VcpuExit {
  const addressAt = f['mmio.phys_addr'].offset;
  const dataAt = f['mmio.data'].offset;
  return {
    kind: 'mmio',
    isWrite: run.getUint8(f['mmio.is_write'].offset) !== 0,
    address: run.getUint32(addressAt + 4, true) * 0x1_0000_0000 + run.getUint32(addressAt, true),
    sizeBytes: run.getUint32(f['mmio.len'].offset, true),
    dataLow: run.getUint32(dataAt, true),
    dataHigh: run.getUint32(dataAt + 4, true),
  };
}

function decodeDebug(run: DataView): VcpuExit {
  return {
    kind: 'debug',
    vector: run.getUint32(f['debug.arch.exception'].offset, true),
    pc: run.getBigUint64(f['debug.arch.pc'].offset, true),
    dr6: run.getBigUint64(f['debug.arch.dr6'].offset, true),
    dr7: run.getBigUint64(f['debug.arch.dr7'].offset, true),
  };
}

function decodeInternalError(run: DataView): VcpuExit {
  const suberror = run.getUint32(f['internal.suberror'].offset, true);
  const data = dataWords(run, f['internal.ndata'].offset, f['internal.data'].offset);
  const instruction =
    suberror === KVM_INTERNAL_ERROR_EMULATION ? failedInstruction(run, data) : undefined;
  const base = { kind: 'internalError', suberror, data } as const;
  return instruction === undefined ? base : { ...base, instruction };
}

/** The words that KVM says are there: flags first, then size and bytes of the instruction. */
function failedInstruction(run: DataView, data: readonly bigint[]): Uint8Array | undefined {
  const [flags] = data;
  const flag = BigInt(KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES);
  if (flags === undefined || (flags & flag) === 0n || data.length < 3) {
    return undefined;
  }
  const size = run.getUint8(f['emulation_failure.insn_size'].offset);
  const start = run.byteOffset + f['emulation_failure.insn_bytes'].offset;
  return new Uint8Array(run.buffer, start, Math.min(size, INSTRUCTION_BYTES_MAX)).slice();
}

function dataWords(run: DataView, countAt: number, dataAt: number): bigint[] {
  const length = Math.min(run.getUint32(countAt, true), DATA_WORDS_MAX);
  return Array.from({ length }, (_, index) => run.getBigUint64(dataAt + 8 * index, true));
}
