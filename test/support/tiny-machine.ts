/** A machine of a few bytes of code on this host's KVM, without devices: for tests of the hypervisor layer. */
import { accessSync, constants } from 'node:fs';
import { KVM_CAP_TSC_DEADLINE_TIMER } from '../../src/hypervisor/caps.ts';
import { KVM_DEVICE_PATH, Kvm } from '../../src/hypervisor/kvm.ts';
import { VcpuFd } from '../../src/hypervisor/vcpu-fd.ts';
import type { Vm } from '../../src/hypervisor/vm.ts';
import { GuestMemory } from '../../src/memory/guest-memory.ts';
import { IDENTITY_MAP_ADDRESS, MIB, TSS_ADDRESS } from '../../src/memory/layout.ts';
import { type BootEntry, setupVcpu, writeBootTables } from '../../src/vcpu/boot-state.ts';
import { buildVcpuCpuid } from '../../src/vcpu/cpuid.ts';
import { decodeExit, type VcpuExit } from '../../src/vcpu/exit-decode.ts';

/** Where the code goes. */
export const CODE_START = 0x10_0000;
const MEMORY_BYTES = 2 * MIB;

/** Why machines cannot be made on this host; undefined when they can. */
export function kvmUnavailable(): string | undefined {
  try {
    accessSync(KVM_DEVICE_PATH, constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return `${KVM_DEVICE_PATH} cannot be opened`;
  }
}

export interface TinyMachine {
  readonly kvm: Kvm;
  readonly vm: Vm;
  readonly memory: GuestMemory;
  readonly vcpus: readonly VcpuFd[];
}

/** Builds a machine whose boot processor starts at {@link CODE_START}. */
export function createTinyMachine(
  code: readonly number[],
  { mode = 'linux64', vcpuCount = 1 }: { mode?: BootEntry['mode']; vcpuCount?: number } = {},
): TinyMachine {
  const kvm = Kvm.open();
  const vm = kvm.createVm();
  vm.setTssAddr(TSS_ADDRESS);
  vm.setIdentityMapAddr(IDENTITY_MAP_ADDRESS);
  vm.createIrqchip();
  vm.createPit2();
  const memory = addMemory(vm);
  writeBootTables(memory, mode);
  memory.write(CODE_START, Uint8Array.from(code));
  const supported = kvm.getSupportedCpuid();
  const tscDeadline = kvm.checkExtension(KVM_CAP_TSC_DEADLINE_TIMER) > 0;
  const vcpus = Array.from({ length: vcpuCount }, (_, index) => {
    const vcpu = new VcpuFd(vm.createVcpu(index).take(), kvm.getVcpuMmapSize());
    const cpuid = buildVcpuCpuid(supported, { vcpuIndex: index, vcpuCount, tscDeadline });
    setupVcpu(vcpu, { index, cpuid, entry: { mode, address: CODE_START } });
    return vcpu;
  });
  return { kvm, vm, memory, vcpus };
}

function addMemory(vm: Vm): GuestMemory {
  const ranges = [{ start: 0, sizeBytes: MEMORY_BYTES }];
  using fd = GuestMemory.createFile(ranges);
  const memory = GuestMemory.map(fd.raw, ranges);
  memory.regions.forEach(({ start, sizeBytes, host }, slot) => {
    vm.setUserMemoryRegion({ slot, gpa: start, sizeBytes, hva: host });
  });
  return memory;
}

/** Runs a vCPU up to its next exit; processors that are only now started take several attempts. */
export function runToExit(vcpu: VcpuFd, attempts = 10): VcpuExit {
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (vcpu.run() >= 0) {
      return decodeExit(vcpu.runState);
    }
  }
  throw new Error(`no exit within ${attempts} attempts`);
}
