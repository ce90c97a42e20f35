/** The part of a machine that KVM is: memory, interrupt controllers, timer, vCPUs. */
import { Kvm } from '../hypervisor/kvm.ts';
import type { Vm } from '../hypervisor/vm.ts';
import { GuestMemory } from '../memory/guest-memory.ts';
import {
  type AddressRange,
  HIGH_MMIO_SIZE,
  highMmioStart,
  IDENTITY_MAP_ADDRESS,
  ramRanges,
  TSS_ADDRESS,
} from '../memory/layout.ts';
import type { BuildContext } from './build-context.ts';
import type { VcpuSet } from './vcpu-set.ts';

export interface Hardware {
  readonly kvm: Kvm;
  readonly vm: Vm;
  readonly memory: GuestMemory;
  /** The memfd of guest RAM, borrowed, and its ranges: device processes map it too. */
  readonly memoryFd: number;
  readonly ranges: readonly AddressRange[];
  /** The window of 64-bit BARs. */
  readonly highMmio: AddressRange;
}

function createVm(kvm: Kvm, memory: GuestMemory): Vm {
  const vm = kvm.createVm();
  vm.setTssAddr(TSS_ADDRESS);
  vm.setIdentityMapAddr(IDENTITY_MAP_ADDRESS);
  memory.regions.forEach(({ start, sizeBytes, host }, slot) => {
    vm.setUserMemoryRegion({ slot, gpa: start, sizeBytes, hva: host });
  });
  vm.createIrqchip();
  vm.createPit2();
  return vm;
}

/**
 * Creates the machine's hardware; its vCPUs have no state yet.
 *
 * @throws HostError where KVM is not to be had.
 */
export function createHardware({ config, scope }: BuildContext, vcpus: VcpuSet): Hardware {
  const kvm = Kvm.open();
  const ranges = ramRanges(config.memoryBytes);
  const file = GuestMemory.createFile(ranges);
  scope.defer('guest memory', () => {
    file.close();
  });
  const memory = GuestMemory.map(file.raw, ranges);
  const vm = createVm(kvm, memory);
  scope.defer('virtual machine', () => {
    vm[Symbol.dispose]();
    kvm[Symbol.dispose]();
  });
  vcpus.assign(kvm, vm);
  return {
    kvm,
    vm,
    memory,
    memoryFd: file.raw,
    ranges,
    highMmio: { start: highMmioStart(config.memoryBytes), sizeBytes: HIGH_MMIO_SIZE },
  };
}
