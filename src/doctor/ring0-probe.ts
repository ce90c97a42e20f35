/**
 * Finds out whether this host's KVM runs a kernel's code on the processor or interprets it.
 *
 * A machine of one page of code does, in 64-bit ring 0, what Linux does early and what interpreters lack: INT3 and
 * CMPXCHG16B. Then it counts, for its speed. Without interrupt controllers every way to stop is an exit, and the
 * code has no loop but the counted one, so that the probe ends by itself within a second on any KVM.
 */
import { describeError } from '../base/errors.ts';
import type { Kvm } from '../hypervisor/kvm.ts';
import { VcpuFd } from '../hypervisor/vcpu-fd.ts';
import { GuestMemory } from '../memory/guest-memory.ts';
import { IDENTITY_MAP_ADDRESS, MIB, TSS_ADDRESS } from '../memory/layout.ts';
import { bootRegs, bootSregs, writeBootTables } from '../vcpu/boot-state.ts';
import { buildVcpuCpuid } from '../vcpu/cpuid.ts';
import { decodeExit } from '../vcpu/exit-decode.ts';

/** What the probe found. */
export type Ring0Result =
  | { readonly kind: 'native'; readonly instructionsPerSecond: number }
  /** KVM gave up at the named instruction. */
  | { readonly kind: 'emulated'; readonly instruction: string }
  /** The machine could not be made, or stopped in a way that says nothing. */
  | { readonly kind: 'unknown'; readonly reason: string };

const CODE = 0x1_0000;
const HANDLER = CODE + 0x100;
const IDT = 0x2_0000;
const OPERAND = 0x3_0000;
const BREAKPOINT_VECTOR = 3;
const GATE_BYTES = 16;
const CODE_SELECTOR = 0x10;
const GATE_PRESENT_INTERRUPT64 = 0x8e00;
const MEMORY_BYTES = 2 * MIB;
const COUNT = 200_000;
const INSTRUCTIONS_PER_ROUND = 2;
const INTERRUPTED_RUNS_MAX = 8;

const COUNT_BYTES = [COUNT % 256, Math.floor(COUNT / 256) % 256, Math.floor(COUNT / 65536), 0];
/** Each stage ends with a write to its own port. */
const STAGE_BREAKPOINT = 0x11;
const STAGE_CMPXCHG = 0x12;
const STAGE_COUNT = 0x13;
// int3, whose handler writes to the first port; mov ebx, OPERAND; lock cmpxchg16b [rbx]; out
const CODE_BYTES = [0xcc, 0xbb, 0, 0, 3, 0, 0xf0, 0x48, 0x0f, 0xc7, 0x0b, 0xe6, STAGE_CMPXCHG];
// mov ecx, COUNT; dec ecx; jnz to the dec; out
const COUNT_CODE = [0xb9, ...COUNT_BYTES, 0xff, 0xc9, 0x75, 0xfc, 0xe6, STAGE_COUNT];
// out; iretq
const HANDLER_CODE = [0xe6, STAGE_BREAKPOINT, 0x48, 0xcf];

/** Runs the probe; tens of milliseconds where ring 0 runs natively, at most a second elsewhere. Never throws. */
export function probeRing0(kvm: Kvm): Ring0Result {
  try {
    using vm = kvm.createVm();
    vm.setTssAddr(TSS_ADDRESS);
    vm.setIdentityMapAddr(IDENTITY_MAP_ADDRESS);
    const ranges = [{ start: 0, sizeBytes: MEMORY_BYTES }];
    using file = GuestMemory.createFile(ranges);
    const memory = GuestMemory.map(file.raw, ranges);
    memory.regions.forEach(({ start, sizeBytes, host }, slot) => {
      vm.setUserMemoryRegion({ slot, gpa: start, sizeBytes, hva: host });
    });
    writeGuest(memory);
    using fd = vm.createVcpu(0);
    const vcpu = new VcpuFd(fd.raw, kvm.getVcpuMmapSize());
    prepareVcpu(kvm, vcpu);
    return runStages(vcpu);
  } catch (error) {
    return { kind: 'unknown', reason: describeError(error) };
  }
}

function writeGuest(memory: GuestMemory): void {
  writeBootTables(memory, 'linux64');
  memory.write(CODE, Uint8Array.from([...CODE_BYTES, ...COUNT_CODE]));
  memory.write(HANDLER, Uint8Array.from(HANDLER_CODE));
  const gate = new DataView(new ArrayBuffer(GATE_BYTES));
  gate.setUint16(0, HANDLER % 0x1_0000, true);
  gate.setUint16(2, CODE_SELECTOR, true);
  gate.setUint16(4, GATE_PRESENT_INTERRUPT64, true);
  gate.setUint16(6, Math.floor(HANDLER / 0x1_0000), true);
  memory.write(IDT + BREAKPOINT_VECTOR * GATE_BYTES, new Uint8Array(gate.buffer));
  memory.write(OPERAND, new Uint8Array(GATE_BYTES));
}

function prepareVcpu(kvm: Kvm, vcpu: VcpuFd): void {
  const options = { vcpuIndex: 0, vcpuCount: 1, tscDeadline: false };
  vcpu.setCpuid2(buildVcpuCpuid(kvm.getSupportedCpuid(), options));
  const idt = { base: IDT, limit: (BREAKPOINT_VECTOR + 1) * GATE_BYTES - 1 };
  vcpu.setSregs({ ...bootSregs(vcpu.getSregs(), 'linux64'), idt });
  vcpu.setRegs(bootRegs({ mode: 'linux64', address: CODE }));
}

function runStages(vcpu: VcpuFd): Ring0Result {
  const stages = [
    { port: STAGE_BREAKPOINT, instruction: 'INT3' },
    { port: STAGE_CMPXCHG, instruction: 'CMPXCHG16B' },
    { port: STAGE_COUNT, instruction: 'a loop' },
  ];
  let elapsedNs = 0n;
  for (const { port, instruction } of stages) {
    const start = process.hrtime.bigint();
    const end = runToPort(vcpu, port);
    elapsedNs = process.hrtime.bigint() - start;
    if (end === 'emulationFailed') {
      return { kind: 'emulated', instruction };
    }
    if (end !== undefined) {
      return { kind: 'unknown', reason: `the probe's machine stopped at ${instruction}: ${end}` };
    }
  }
  const seconds = Number(elapsedNs) / 1e9;
  return {
    kind: 'native',
    instructionsPerSecond: Math.round((COUNT * INSTRUCTIONS_PER_ROUND) / seconds),
  };
}

/** Undefined when the guest wrote to the port; else how it stopped. */
function runToPort(vcpu: VcpuFd, port: number): string | undefined {
  for (let attempt = 0; attempt < INTERRUPTED_RUNS_MAX; attempt++) {
    if (vcpu.run() >= 0) {
      const exit = decodeExit(vcpu.runState);
      if (exit.kind === 'io' && exit.port === port) {
        return undefined;
      }
      return exit.kind === 'internalError' ? 'emulationFailed' : exit.kind;
    }
  }
  return 'interrupted by signals';
}
