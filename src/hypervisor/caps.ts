/** KVM's optional parts by number (KVM API §4.4), and which of them a machine needs. */

export const KVM_CAP_IRQCHIP = 0;
export const KVM_CAP_USER_MEMORY = 3;
export const KVM_CAP_SET_TSS_ADDR = 4;
export const KVM_CAP_EXT_CPUID = 7;
export const KVM_CAP_NR_VCPUS = 9;
export const KVM_CAP_NR_MEMSLOTS = 10;
export const KVM_CAP_MP_STATE = 14;
export const KVM_CAP_COALESCED_MMIO = 15;
export const KVM_CAP_DESTROY_MEMORY_REGION_WORKS = 21;
export const KVM_CAP_IRQ_ROUTING = 25;
export const KVM_CAP_IRQFD = 32;
export const KVM_CAP_PIT2 = 33;
export const KVM_CAP_IOEVENTFD = 36;
export const KVM_CAP_SET_IDENTITY_MAP_ADDR = 37;
export const KVM_CAP_ADJUST_CLOCK = 39;
export const KVM_CAP_INTERNAL_ERROR_DATA = 40;
export const KVM_CAP_VCPU_EVENTS = 41;
export const KVM_CAP_DEBUGREGS = 50;
export const KVM_CAP_XSAVE = 55;
export const KVM_CAP_XCRS = 56;
export const KVM_CAP_GET_TSC_KHZ = 61;
export const KVM_CAP_MAX_VCPUS = 66;
export const KVM_CAP_TSC_DEADLINE_TIMER = 72;
export const KVM_CAP_KVMCLOCK_CTRL = 76;
export const KVM_CAP_SIGNAL_MSI = 77;
export const KVM_CAP_IRQFD_RESAMPLE = 82;
export const KVM_CAP_IOEVENTFD_NO_LENGTH = 100;
export const KVM_CAP_CHECK_EXTENSION_VM = 105;
export const KVM_CAP_IOEVENTFD_ANY_LENGTH = 122;
export const KVM_CAP_IMMEDIATE_EXIT = 136;
export const KVM_CAP_COALESCED_PIO = 162;

/** A part of KVM with its name in `linux/kvm.h`. */
export interface NamedCap {
  readonly cap: number;
  readonly name: string;
}

/** Without any one of these no machine can be built. */
export const REQUIRED_CAPS: readonly NamedCap[] = [
  { cap: KVM_CAP_IRQCHIP, name: 'KVM_CAP_IRQCHIP' },
  { cap: KVM_CAP_USER_MEMORY, name: 'KVM_CAP_USER_MEMORY' },
  { cap: KVM_CAP_SET_TSS_ADDR, name: 'KVM_CAP_SET_TSS_ADDR' },
  { cap: KVM_CAP_EXT_CPUID, name: 'KVM_CAP_EXT_CPUID' },
  { cap: KVM_CAP_MP_STATE, name: 'KVM_CAP_MP_STATE' },
  { cap: KVM_CAP_DESTROY_MEMORY_REGION_WORKS, name: 'KVM_CAP_DESTROY_MEMORY_REGION_WORKS' },
  { cap: KVM_CAP_IRQ_ROUTING, name: 'KVM_CAP_IRQ_ROUTING' },
  { cap: KVM_CAP_IRQFD, name: 'KVM_CAP_IRQFD' },
  { cap: KVM_CAP_IRQFD_RESAMPLE, name: 'KVM_CAP_IRQFD_RESAMPLE' },
  { cap: KVM_CAP_PIT2, name: 'KVM_CAP_PIT2' },
  { cap: KVM_CAP_IOEVENTFD, name: 'KVM_CAP_IOEVENTFD' },
  { cap: KVM_CAP_IOEVENTFD_ANY_LENGTH, name: 'KVM_CAP_IOEVENTFD_ANY_LENGTH' },
  { cap: KVM_CAP_SET_IDENTITY_MAP_ADDR, name: 'KVM_CAP_SET_IDENTITY_MAP_ADDR' },
  { cap: KVM_CAP_IMMEDIATE_EXIT, name: 'KVM_CAP_IMMEDIATE_EXIT' },
];
