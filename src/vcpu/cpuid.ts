/**
 * What CPUID tells each vCPU: KVM's table for this host, less what cannot work in this machine, plus what differs by
 * vCPU (Intel SDM vol. 2 CPUID; AMD64 APM vol. 3 appendix E; KVM Documentation/virt/kvm/x86/cpuid.rst).
 *
 * The topology is one package of single-threaded cores. Every place that tells it must say the same, in each vCPU's
 * own words: a guest whose processors all read APIC id 0 hangs in SMP bring-up.
 */
import { KVM_CPUID_FLAG_SIGNIFCANT_INDEX } from '../hypervisor/constants.ts';
import type { CpuidEntry } from '../hypervisor/cpuid-entry.ts';
import {
  EXTENDED_DROPPED,
  type FeatureRule,
  featureRules,
  PMU_LEAVES,
  STANDARD_DROPPED,
  SVM_LEAF,
} from './cpuid-features.ts';

/** What a vCPU's table depends on. */
export interface CpuidOptions {
  /** 0 up; also the APIC id. */
  readonly vcpuIndex: number;
  readonly vcpuCount: number;
  /** KVM_CAP_TSC_DEADLINE_TIMER: KVM emulates that mode but does not list it. */
  readonly tscDeadline: boolean;
  /** Leaves VMX or SVM in, for a guest that runs machines itself. */
  readonly nested?: boolean;
  /** Leaves performance counters in. Off by default: they tell a guest about its neighbours. */
  readonly pmu?: boolean;
}

type Registers = Pick<CpuidEntry, 'eax' | 'ebx' | 'ecx' | 'edx'>;
type Vendor = 'intel' | 'amd';

const HYPERVISOR_LEAF = 0x4000_0000;
const KVM_FEATURES_LEAF = 0x4000_0001;
/** Leaves that list the levels of the topology, one index each. */
const TOPOLOGY_LEAVES = [0xb, 0x1f] as const;
const LEVEL_TYPE_SMT = 1;
const LEVEL_TYPE_CORE = 2;
const CACHE_LEVEL_SHARED = 3;

/** Finds the entry of a function, and of an index where the function has them. */
export function findCpuid(
  entries: readonly CpuidEntry[],
  leaf: number,
  index = 0,
): CpuidEntry | undefined {
  return entries.find((entry) => entry.function === leaf && entry.index === index);
}

/** Bits of a guest-physical address; 36 where the host does not say. */
export function physicalAddressBits(entries: readonly CpuidEntry[]): number {
  const bits = (findCpuid(entries, 0x8000_0008)?.eax ?? 0) % 0x100;
  return bits === 0 ? 36 : bits;
}

/**
 * Makes the CPUID table of one vCPU.
 *
 * @param supported of `Kvm.getSupportedCpuid`.
 */
export function buildVcpuCpuid(
  supported: readonly CpuidEntry[],
  options: CpuidOptions,
): CpuidEntry[] {
  const vendor = vendorOf(supported);
  const rules = featureRules(options);
  const kept = supported
    .filter((entry) => !isDropped(entry.function, options))
    .map((entry) => applyRule(entry, rules.get(entry.function)))
    .map((entry) => ({ ...entry, ...topologyOf(entry, vendor, options) }));
  return [...kept, ...topologyLevels(supported, options), ...missingKvmLeaves(supported)];
}

function vendorOf(entries: readonly CpuidEntry[]): Vendor {
  // "Genu" of GenuineIntel; AMD and Hygon share the extended leaves.
  return findCpuid(entries, 0)?.ebx === 0x756e_6547 ? 'intel' : 'amd';
}

function isDropped(leaf: number, options: CpuidOptions): boolean {
  return (
    TOPOLOGY_LEAVES.some((topology) => topology === leaf) ||
    STANDARD_DROPPED.has(leaf) ||
    EXTENDED_DROPPED.has(leaf) ||
    (options.pmu !== true && PMU_LEAVES.has(leaf)) ||
    (options.nested !== true && leaf === SVM_LEAF)
  );
}

function applyRule(entry: CpuidEntry, rules: readonly FeatureRule[] | undefined): CpuidEntry {
  const registers: Registers = entry;
  const result = { ...entry };
  for (const { index, register, clear, set } of rules ?? []) {
    if (index === undefined || index === entry.index) {
      result[register] = ((registers[register] & ~clear) | set) >>> 0;
    }
  }
  return result;
}

/** Replaces `width` bits from `shift` on. */
function withField(value: number, shift: number, width: number, field: number): number {
  const mask = 2 ** width - 1;
  return ((value & ~(mask << shift)) | ((field & mask) << shift)) >>> 0;
}

function withBit(value: number, bit: number, on: boolean): number {
  return withField(value, bit, 1, on ? 1 : 0);
}

/** Bits of the APIC id that tell cores apart. */
function coreIdBits(vcpuCount: number): number {
  return Math.ceil(Math.log2(vcpuCount));
}

/** The registers of an entry that tell this vCPU who it is and whom it shares with. */
function topologyOf(
  entry: CpuidEntry,
  vendor: Vendor,
  { vcpuIndex, vcpuCount }: CpuidOptions,
): Partial<Registers> {
  const idBits = coreIdBits(vcpuCount);
  const { eax, ebx, ecx, edx } = entry;
  switch (entry.function) {
    case 0x1: {
      // Intel counts addressable ids, a power of two; AMD counts processors.
      const logical = Math.min(vendor === 'intel' ? 2 ** idBits : vcpuCount, 0xff);
      const withId = withField(ebx, 24, 8, vcpuIndex);
      return { ebx: withField(withId, 16, 8, logical), edx: withBit(edx, 28, vcpuCount > 1) };
    }
    case 0x4: {
      const cores = Math.min(2 ** idBits, 64) - 1;
      return eax % 32 === 0 ? {} : { eax: withField(withSharing(eax, 2 ** idBits), 26, 6, cores) };
    }
    case 0x8000_0001:
      // CmpLegacy: the logical count of leaf 1 means cores.
      return vendor === 'amd' ? { ecx: withBit(ecx, 1, vcpuCount > 1) } : {};
    case 0x8000_0008:
      return vendor === 'amd' ? { ecx: coreCounts(ecx, idBits, vcpuCount) } : {};
    case 0x8000_001d:
      return eax % 32 === 0 ? {} : { eax: withSharing(eax, vcpuCount) };
    case 0x8000_001e:
      // One thread per core, one node; the core id is the APIC id.
      return { eax: vcpuIndex, ebx: vcpuIndex % 0x100, ecx: 0, edx: 0 };
    default:
      return {};
  }
}

/** EAX of a cache description: level at 7:5, sharing processors less one at 25:14. */
function withSharing(eax: number, sharedCount: number): number {
  const level = (eax >>> 5) % 8;
  return withField(eax, 14, 12, level < CACHE_LEVEL_SHARED ? 0 : sharedCount - 1);
}

/** ECX of 0x80000008: cores less one at 7:0, bits of their ids at 15:12. */
function coreCounts(ecx: number, idBits: number, vcpuCount: number): number {
  return withField(withField(ecx, 0, 8, vcpuCount - 1), 12, 4, idBits);
}

/** The extended topology leaves: threads of a core, cores of the package, end. */
function topologyLevels(
  supported: readonly CpuidEntry[],
  { vcpuIndex, vcpuCount }: CpuidOptions,
): CpuidEntry[] {
  const basicMax = findCpuid(supported, 0)?.eax ?? 0;
  const levels = [
    { eax: 0, ebx: 1, type: LEVEL_TYPE_SMT },
    { eax: coreIdBits(vcpuCount), ebx: vcpuCount, type: LEVEL_TYPE_CORE },
    { eax: 0, ebx: 0, type: 0 },
  ];
  return TOPOLOGY_LEAVES.filter((leaf) => leaf <= basicMax).flatMap((leaf) =>
    levels.map(({ eax, ebx, type }, index) => ({
      function: leaf,
      index,
      flags: KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
      eax,
      ebx,
      ecx: index | (type << 8),
      edx: vcpuIndex,
    })),
  );
}

/** The leaves by which a guest knows KVM, where the host's table has none. */
function missingKvmLeaves(supported: readonly CpuidEntry[]): CpuidEntry[] {
  if (findCpuid(supported, HYPERVISOR_LEAF) !== undefined) {
    return [];
  }
  // "KVMKVMKVM" in EBX, ECX and EDX.
  const signature = { eax: KVM_FEATURES_LEAF, ebx: 0x4b4d_564b, ecx: 0x564b_4d56, edx: 0x4d };
  const none = { eax: 0, ebx: 0, ecx: 0, edx: 0 };
  return [
    { function: HYPERVISOR_LEAF, index: 0, flags: 0, ...signature },
    { function: KVM_FEATURES_LEAF, index: 0, flags: 0, ...none },
  ];
}
