/** CPUID tables as KVM takes and gives them: `struct kvm_cpuid2` with its entries (KVM API §4.46). */
import { encodeStruct } from '../base/struct.ts';
import { KVM_CPUID_ENTRY2, KVM_CPUID2 } from './structs.ts';

/** More than KVM's own limit (KVM_MAX_CPUID_ENTRIES, 256). */
export const CPUID_ENTRIES_MAX = 256;
export const CPUID_TABLE_BYTES =
  KVM_CPUID2.sizeBytes + CPUID_ENTRIES_MAX * KVM_CPUID_ENTRY2.sizeBytes;

/** What CPUID returns for one function and index; all values are unsigned 32-bit. */
export interface CpuidEntry {
  readonly function: number;
  readonly index: number;
  readonly flags: number;
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

/** Reads a table that KVM has filled in. */
export function decodeCpuid(view: DataView): CpuidEntry[] {
  const count = Math.min(view.getUint32(KVM_CPUID2.fields.nent.offset, true), CPUID_ENTRIES_MAX);
  const field = KVM_CPUID_ENTRY2.fields;
  return Array.from({ length: count }, (_, position) => {
    const at = KVM_CPUID2.sizeBytes + position * KVM_CPUID_ENTRY2.sizeBytes;
    return {
      function: view.getUint32(at + field.function.offset, true),
      index: view.getUint32(at + field.index.offset, true),
      flags: view.getUint32(at + field.flags.offset, true),
      eax: view.getUint32(at + field.eax.offset, true),
      ebx: view.getUint32(at + field.ebx.offset, true),
      ecx: view.getUint32(at + field.ecx.offset, true),
      edx: view.getUint32(at + field.edx.offset, true),
    };
  });
}

/** Writes a table of at most {@link CPUID_ENTRIES_MAX} entries. */
export function encodeCpuid(view: DataView, entries: readonly CpuidEntry[]): void {
  encodeStruct(KVM_CPUID2, view, 0, { nent: entries.length });
  entries.forEach((entry, position) => {
    const at = KVM_CPUID2.sizeBytes + position * KVM_CPUID_ENTRY2.sizeBytes;
    encodeStruct(KVM_CPUID_ENTRY2, view, at, entry);
  });
}
