/**
 * Which features of the host's CPUID a guest may not see, or must see, as tables (Intel SDM vol. 2 CPUID; AMD64 APM
 * vol. 3 appendix E).
 *
 * A feature goes when nothing behind it works: no emulation by KVM, or no device or firmware of this machine.
 */

/** Bits to clear and then to set in one register of one leaf. */
export interface FeatureRule {
  /** Of every index if absent. */
  readonly index?: number;
  readonly register: 'eax' | 'ebx' | 'ecx' | 'edx';
  readonly clear: number;
  readonly set: number;
}

interface FeatureOptions {
  readonly tscDeadline: boolean;
  readonly nested?: boolean;
  readonly pmu?: boolean;
}

/** MONITOR/MWAIT, DCA, cache monitoring, cache allocation, SGX, Intel PT. */
export const STANDARD_DROPPED: ReadonlySet<number> = new Set([0x5, 0x9, 0xf, 0x10, 0x12, 0x14]);
/** Instruction-based sampling, memory encryption, platform QoS, extended topology (leaf 0xb tells it). */
export const EXTENDED_DROPPED: ReadonlySet<number> = new Set([
  0x8000_001b, 0x8000_001f, 0x8000_0020, 0x8000_0026,
]);
/** Architectural performance monitoring of Intel and of AMD. */
export const PMU_LEAVES: ReadonlySet<number> = new Set([0xa, 0x8000_0022]);
export const SVM_LEAF = 0x8000_000a;

function bits(...positions: readonly number[]): number {
  return positions.reduce((sum, position) => sum + 2 ** position, 0);
}

const ALL = 0xffff_ffff;
// Leaf 1, ECX.
const DTES64 = 2;
const MONITOR = 3;
const DS_CPL = 4;
const VMX = 5;
const SMX = 6;
const SPEEDSTEP = 7;
const TM2 = 8;
const SILICON_DEBUG = 11;
const XTPR = 14;
const PDCM = 15;
const DCA = 18;
const X2APIC = 21;
const TSC_DEADLINE = 24;
const OSXSAVE = 27;
const HYPERVISOR = 31;
// Leaf 1, EDX.
const DEBUG_STORE = 21;
const THERMAL_ACPI = 22;
const THERMAL_MONITOR = 29;
const PENDING_BREAK = 31;
// Leaf 6, EAX.
const ARAT = 2;
// Leaf 7, index 0.
const SGX = 2;
const RDT_M = 12;
const RDT_A = 15;
const PROCESSOR_TRACE = 25;
const ENQCMD = 29;
const SGX_LAUNCH_CONTROL = 30;
// Leaf 0x80000001, ECX.
const SVM = 2;
const IBS = 10;
const SKINIT = 12;
const WATCHDOG = 13;
const LWP = 15;
const NODE_ID_MSR = 19;
const PERFCTR_CORE = 23;
const PERFCTR_NB = 24;
const PERFCTR_LLC = 28;
const MWAITX = 29;
// Leaf 0x80000007, EDX: the only power feature that a guest can use.
const INVARIANT_TSC = 8;

/** The rules of one machine, by function. */
export function featureRules(options: FeatureOptions): ReadonlyMap<number, readonly FeatureRule[]> {
  const withoutNested = (position: number) => (options.nested === true ? [] : [position]);
  const withoutPmu = (...positions: readonly number[]) => (options.pmu === true ? [] : positions);
  const hostOnly = [DTES64, MONITOR, DS_CPL, SMX, SPEEDSTEP, TM2, SILICON_DEBUG, XTPR, DCA];
  const deadline = options.tscDeadline ? [TSC_DEADLINE] : [];
  return new Map<number, readonly FeatureRule[]>([
    [
      0x1,
      [
        {
          register: 'ecx',
          // OSXSAVE mirrors CR4, which KVM does by itself.
          clear: bits(
            ...hostOnly,
            ...withoutNested(VMX),
            ...withoutPmu(PDCM),
            TSC_DEADLINE,
            OSXSAVE,
          ),
          set: bits(HYPERVISOR, X2APIC, ...deadline),
        },
        {
          register: 'edx',
          clear: bits(DEBUG_STORE, THERMAL_ACPI, THERMAL_MONITOR, PENDING_BREAK),
          set: 0,
        },
      ],
    ],
    [0x6, [{ register: 'eax', clear: ALL - bits(ARAT), set: 0 }, ...onlyZero('ebx', 'ecx', 'edx')]],
    [
      0x7,
      [
        { index: 0, register: 'ebx', clear: bits(SGX, RDT_M, RDT_A, PROCESSOR_TRACE), set: 0 },
        { index: 0, register: 'ecx', clear: bits(ENQCMD, SGX_LAUNCH_CONTROL), set: 0 },
      ],
    ],
    [
      0x8000_0001,
      [
        {
          register: 'ecx',
          clear: bits(
            ...withoutNested(SVM),
            ...withoutPmu(PERFCTR_CORE, PERFCTR_NB, PERFCTR_LLC),
            ...[IBS, SKINIT, WATCHDOG, LWP, NODE_ID_MSR, MWAITX],
          ),
          set: 0,
        },
      ],
    ],
    [
      0x8000_0007,
      [
        ...onlyZero('eax', 'ebx', 'ecx'),
        { register: 'edx', clear: ALL - bits(INVARIANT_TSC), set: 0 },
      ],
    ],
  ]);
}

function onlyZero(...registers: readonly FeatureRule['register'][]): FeatureRule[] {
  return registers.map((register) => ({ register, clear: ALL, set: 0 }));
}
