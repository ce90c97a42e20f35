import fc from 'fast-check';
import t from 'tap';
import type { CpuidEntry } from '../../../src/hypervisor/cpuid-entry.ts';
import { CPUID_ENTRIES_MAX } from '../../../src/hypervisor/cpuid-entry.ts';
import {
  buildVcpuCpuid,
  type CpuidOptions,
  findCpuid,
  physicalAddressBits,
} from '../../../src/vcpu/cpuid.ts';
import { holds } from '../../support/property.ts';

type Registers = readonly [eax: number, ebx: number, ecx: number, edx: number];

function entry(leaf: number, index: number, [eax, ebx, ecx, edx]: Registers): CpuidEntry {
  return { function: leaf, index, flags: 0, eax, ebx, ecx, edx };
}

const ALL = 0xffff_ffff;
/** "GenuineIntel", leaves up to 0x1f. */
const INTEL: readonly CpuidEntry[] = [
  entry(0, 0, [0x1f, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]),
  entry(1, 0, [0x806f8, 0x0710_0800, ALL, ALL]),
  // L1 data, L2 and L3 as a host with many cores tells them; then the end.
  entry(4, 0, [0xfc00_4121, 0x02c0_003f, 0x3f, 0]),
  entry(4, 1, [0xfc00_4143, 0x03c0_003f, 0x7ff, 0]),
  entry(4, 2, [0xfc1f_c163, 0x0380_003f, 0xdfff, 4]),
  entry(4, 3, [0, 0, 0, 0]),
  entry(5, 0, [0x40, 0x40, 3, 0x2020]),
  entry(6, 0, [0xff, 2, 9, 0x10]),
  entry(7, 0, [0, ALL, ALL, ALL]),
  entry(7, 1, [0x1c30, 4, 4, 4]),
  entry(0xa, 0, [0x0830_0802, 0, 0, 0x603]),
  entry(0xb, 0, [1, 2, 0x100, 77]),
  entry(0x1f, 0, [1, 2, 0x100, 77]),
  entry(0x12, 0, [1, 0, 0, 0]),
  entry(0x8000_0000, 0, [0x8000_0008, 0, 0, 0]),
  entry(0x8000_0008, 0, [0x3934, 0, 0x1234, 0]),
  entry(0x4000_0000, 0, [0x4000_0001, 0x4b4d_564b, 0x564b_4d56, 0x4d]),
  entry(0x4000_0001, 0, [0x0100_7efb, 0, 0, 0]),
];
/** "AuthenticAMD", leaves up to 0x10, and no KVM leaves. */
const AMD: readonly CpuidEntry[] = [
  entry(0, 0, [0x10, 0x6874_7541, 0x444d_4163, 0x6974_6e65]),
  entry(1, 0, [0xa00f11, 0x0710_0800, ALL, ALL]),
  entry(4, 0, [0, 0, 0, 0]),
  entry(0xb, 0, [1, 2, 0x100, 77]),
  entry(0x8000_0000, 0, [0x8000_0021, 0, 0, 0]),
  entry(0x8000_0001, 0, [0xa00f11, 0, ALL, ALL]),
  entry(0x8000_0007, 0, [ALL, ALL, ALL, ALL]),
  entry(0x8000_0008, 0, [0x3030, 0, 0x7fff, 0]),
  entry(0x8000_000a, 0, [1, 8, 0, 0]),
  entry(0x8000_001d, 0, [0x0121, 0x01c0_003f, 0x3f, 0]),
  entry(0x8000_001d, 3, [0x0001_c163, 0x03c0_003f, 0x7fff, 1]),
  entry(0x8000_001d, 4, [0, 0, 0, 0]),
  entry(0x8000_001e, 0, [ALL, ALL, ALL, ALL]),
  entry(0x8000_0022, 0, [1, 6, 0, 0]),
];

function build(supported: readonly CpuidEntry[], options: Partial<CpuidOptions>): CpuidEntry[] {
  return buildVcpuCpuid(supported, {
    vcpuIndex: 0,
    vcpuCount: 1,
    tscDeadline: true,
    ...options,
  });
}

/** The registers of one leaf, as a failed expectation if it is absent. */
function leaf(entries: readonly CpuidEntry[], number: number, index = 0): CpuidEntry {
  const found = findCpuid(entries, number, index);
  if (found === undefined) {
    throw new Error(`leaf 0x${number.toString(16)} index ${index} is absent`);
  }
  return found;
}

function bit(value: number, position: number): number {
  return (value >>> position) & 1;
}

function field(value: number, shift: number, width: number): number {
  return (value >>> shift) & (2 ** width - 1);
}

for (const [name, supported] of [
  ['Intel', INTEL],
  ['AMD', AMD],
] as const) {
  t.test(
    `buildVcpuCpuid gives each ${name} vCPU its own APIC id wherever one is told`,
    async (t) => {
      holds(
        t,
        fc.property(
          fc
            .integer({ min: 1, max: 64 })
            .chain((count) => fc.tuple(fc.constant(count), fc.nat(count - 1))),
          ([vcpuCount, vcpuIndex]) => {
            const entries = build(supported, { vcpuCount, vcpuIndex });
            const ids = entries.flatMap(({ function: number, eax, ebx, edx }) => {
              return number === 1
                ? [field(ebx, 24, 8)]
                : number === 0xb || number === 0x1f
                  ? [edx]
                  : number === 0x8000_001e
                    ? [eax, field(ebx, 0, 8)]
                    : [];
            });
            return ids.length >= 4 && ids.every((id) => id === vcpuIndex);
          },
        ),
      );
    },
  );

  t.test(`buildVcpuCpuid makes ${name} tables that KVM can take`, async (t) => {
    const entries = build(supported, { vcpuCount: 64, vcpuIndex: 63 });
    const keys = entries.map((item) => `${item.function}/${item.index}`);
    t.equal(new Set(keys).size, keys.length, 'no entry twice');
    t.ok(entries.length <= CPUID_ENTRIES_MAX);
    const registers = entries.flatMap(({ eax, ebx, ecx, edx }) => [eax, ebx, ecx, edx]);
    t.ok(registers.every((value) => Number.isInteger(value) && value >= 0 && value <= ALL));
  });

  t.test(`buildVcpuCpuid tells ${name} guests one level of threads and one of cores`, async (t) => {
    const entries = build(supported, { vcpuCount: 6, vcpuIndex: 5 });
    t.match(leaf(entries, 0xb, 0), { flags: 1, eax: 0, ebx: 1, ecx: 0x100, edx: 5 });
    // 6 cores need 3 bits of the id.
    t.match(leaf(entries, 0xb, 1), { flags: 1, eax: 3, ebx: 6, ecx: 0x201, edx: 5 });
    t.match(leaf(entries, 0xb, 2), { flags: 1, eax: 0, ebx: 0, ecx: 2, edx: 5 });
  });

  t.test(
    `buildVcpuCpuid says hypervisor and x2APIC to ${name} guests, and hides MONITOR`,
    async (t) => {
      const { ecx } = leaf(build(supported, {}), 1);
      t.same([bit(ecx, 31), bit(ecx, 21), bit(ecx, 3)], [1, 1, 0]);
    },
  );

  t.test(
    `buildVcpuCpuid gives ${name} guests HTT and a logical count only with several vCPUs`,
    async (t) => {
      const single = leaf(build(supported, { vcpuCount: 1 }), 1);
      t.same([bit(single.edx, 28), field(single.ebx, 16, 8)], [0, 1]);
      const four = leaf(build(supported, { vcpuCount: 4 }), 1);
      t.same([bit(four.edx, 28), field(four.ebx, 16, 8)], [1, 4]);
      t.equal(field(four.ebx, 8, 8), 8, 'the cache line size stays');
    },
  );
}

t.test(
  'buildVcpuCpuid shares Intel’s L3 among all cores and keeps L1 and L2 private',
  async (t) => {
    const entries = build(INTEL, { vcpuCount: 6 });
    const shape = [0, 1, 2].map((index) => {
      const { eax } = leaf(entries, 4, index);
      return [field(eax, 14, 12), field(eax, 26, 6)];
    });
    // Both fields count addressable ids, 8 of them for 6 cores, less one.
    t.same(shape, [
      [0, 7],
      [0, 7],
      [7, 7],
    ]);
    t.equal(leaf(entries, 4, 3).eax, 0, 'the end stays the end');
    t.equal(field(leaf(entries, 4, 2).eax, 0, 8), 0x63, 'type and level stay');
  },
);

t.test('buildVcpuCpuid counts AMD cores in 0x80000008, 0x8000001d and CmpLegacy', async (t) => {
  const entries = build(AMD, { vcpuCount: 6, vcpuIndex: 2 });
  t.equal(field(leaf(entries, 0x8000_0008).ecx, 0, 8), 5);
  t.equal(field(leaf(entries, 0x8000_0008).ecx, 12, 4), 3);
  t.equal(field(leaf(entries, 0x8000_001d, 0).eax, 14, 12), 0);
  t.equal(field(leaf(entries, 0x8000_001d, 3).eax, 14, 12), 5);
  t.match(leaf(entries, 0x8000_001e), { eax: 2, ebx: 2, ecx: 0, edx: 0 });
  t.equal(bit(leaf(entries, 0x8000_0001).ecx, 1), 1);
  t.equal(bit(leaf(build(AMD, { vcpuCount: 1 }), 0x8000_0001).ecx, 1), 0);
});

t.test('buildVcpuCpuid leaves Intel’s 0x80000008 alone', async (t) => {
  t.equal(leaf(build(INTEL, { vcpuCount: 6 }), 0x8000_0008).ecx, 0x1234);
});

t.test('buildVcpuCpuid offers the TSC deadline timer only where KVM has it', async (t) => {
  t.equal(bit(leaf(build(INTEL, { tscDeadline: true }), 1).ecx, 24), 1);
  t.equal(bit(leaf(build(INTEL, { tscDeadline: false }), 1).ecx, 24), 0);
});

t.test('buildVcpuCpuid hides VMX and SVM unless nesting is asked for', async (t) => {
  t.equal(bit(leaf(build(INTEL, {}), 1).ecx, 5), 0);
  t.equal(bit(leaf(build(INTEL, { nested: true }), 1).ecx, 5), 1);
  t.equal(bit(leaf(build(AMD, {}), 0x8000_0001).ecx, 2), 0);
  t.equal(findCpuid(build(AMD, {}), 0x8000_000a), undefined);
  t.equal(bit(leaf(build(AMD, { nested: true }), 0x8000_0001).ecx, 2), 1);
  t.equal(leaf(build(AMD, { nested: true }), 0x8000_000a).ebx, 8);
});

t.test('buildVcpuCpuid hides performance counters unless they are asked for', async (t) => {
  t.equal(findCpuid(build(INTEL, {}), 0xa), undefined);
  t.equal(findCpuid(build(AMD, {}), 0x8000_0022), undefined);
  t.equal(bit(leaf(build(AMD, {}), 0x8000_0001).ecx, 23), 0);
  t.equal(leaf(build(INTEL, { pmu: true }), 0xa).edx, 0x603);
  t.equal(bit(leaf(build(AMD, { pmu: true }), 0x8000_0001).ecx, 23), 1);
});

t.test('buildVcpuCpuid leaves of power management what a guest can use', async (t) => {
  t.match(leaf(build(INTEL, {}), 6), { eax: 4, ebx: 0, ecx: 0, edx: 0 });
  t.match(leaf(build(AMD, {}), 0x8000_0007), { eax: 0, ebx: 0, ecx: 0, edx: 0x100 });
});

t.test('buildVcpuCpuid hides SGX and MWAIT with their leaves', async (t) => {
  const entries = build(INTEL, {});
  t.equal(bit(leaf(entries, 7, 0).ebx, 2), 0);
  t.equal(findCpuid(entries, 0x12), undefined);
  t.equal(findCpuid(entries, 5), undefined);
  t.match(leaf(entries, 7, 1), { eax: 0x1c30, ebx: 4, ecx: 4, edx: 4 }, 'index 1 is untouched');
});

t.test('buildVcpuCpuid adds KVM’s signature only where it is absent', async (t) => {
  t.match(leaf(build(AMD, {}), 0x4000_0000), { eax: 0x4000_0001, ebx: 0x4b4d_564b });
  t.equal(leaf(build(AMD, {}), 0x4000_0001).eax, 0);
  t.equal(leaf(build(INTEL, {}), 0x4000_0001).eax, 0x0100_7efb);
});

t.test('buildVcpuCpuid adds no topology leaf above the processor’s last leaf', async (t) => {
  t.equal(findCpuid(build(AMD, {}), 0x1f), undefined);
  t.ok(findCpuid(build(INTEL, {}), 0x1f));
});

t.test('physicalAddressBits reads 0x80000008 and falls back on 36', async (t) => {
  t.equal(physicalAddressBits(AMD), 48);
  t.equal(physicalAddressBits([]), 36);
});
