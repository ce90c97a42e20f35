/**
 * Every KVM request that x86-64 has a use for here, by its name in `linux/kvm.h` (KVM API §4).
 *
 * The size in a request is that of its structure without the flexible array, as the C macro computes it.
 */
import { io, ior, iow, iowr } from '../sys/ioctl.ts';
import * as s from './structs.ts';

const KVMIO = 0xae;

// On /dev/kvm.
export const KVM_GET_API_VERSION = io(KVMIO, 0x00);
export const KVM_CREATE_VM = io(KVMIO, 0x01);
export const KVM_GET_MSR_INDEX_LIST = iowr(KVMIO, 0x02, s.KVM_MSR_LIST.sizeBytes);
export const KVM_CHECK_EXTENSION = io(KVMIO, 0x03);
export const KVM_GET_VCPU_MMAP_SIZE = io(KVMIO, 0x04);
export const KVM_GET_SUPPORTED_CPUID = iowr(KVMIO, 0x05, s.KVM_CPUID2.sizeBytes);
export const KVM_GET_EMULATED_CPUID = iowr(KVMIO, 0x09, s.KVM_CPUID2.sizeBytes);
export const KVM_GET_MSR_FEATURE_INDEX_LIST = iowr(KVMIO, 0x0a, s.KVM_MSR_LIST.sizeBytes);

// On a VM.
export const KVM_CREATE_VCPU = io(KVMIO, 0x41);
export const KVM_GET_DIRTY_LOG = iow(KVMIO, 0x42, s.KVM_DIRTY_LOG.sizeBytes);
export const KVM_SET_USER_MEMORY_REGION = iow(KVMIO, 0x46, s.KVM_USERSPACE_MEMORY_REGION.sizeBytes);
export const KVM_SET_TSS_ADDR = io(KVMIO, 0x47);
export const KVM_SET_IDENTITY_MAP_ADDR = iow(KVMIO, 0x48, 8);
export const KVM_CREATE_IRQCHIP = io(KVMIO, 0x60);
export const KVM_IRQ_LINE = iow(KVMIO, 0x61, s.KVM_IRQ_LEVEL.sizeBytes);
export const KVM_GET_IRQCHIP = iowr(KVMIO, 0x62, s.KVM_IRQCHIP.sizeBytes);
export const KVM_SET_IRQCHIP = ior(KVMIO, 0x63, s.KVM_IRQCHIP.sizeBytes);
export const KVM_IRQ_LINE_STATUS = iowr(KVMIO, 0x67, s.KVM_IRQ_LEVEL.sizeBytes);
export const KVM_REGISTER_COALESCED_MMIO = iow(KVMIO, 0x67, s.KVM_COALESCED_MMIO_ZONE.sizeBytes);
export const KVM_UNREGISTER_COALESCED_MMIO = iow(KVMIO, 0x68, s.KVM_COALESCED_MMIO_ZONE.sizeBytes);
export const KVM_SET_GSI_ROUTING = iow(KVMIO, 0x6a, s.KVM_IRQ_ROUTING.sizeBytes);
export const KVM_REINJECT_CONTROL = io(KVMIO, 0x71);
export const KVM_IRQFD = iow(KVMIO, 0x76, s.KVM_IRQFD.sizeBytes);
export const KVM_CREATE_PIT2 = iow(KVMIO, 0x77, s.KVM_PIT_CONFIG.sizeBytes);
export const KVM_SET_BOOT_CPU_ID = io(KVMIO, 0x78);
export const KVM_IOEVENTFD = iow(KVMIO, 0x79, s.KVM_IOEVENTFD.sizeBytes);
export const KVM_SET_CLOCK = iow(KVMIO, 0x7b, s.KVM_CLOCK_DATA.sizeBytes);
export const KVM_GET_CLOCK = ior(KVMIO, 0x7c, s.KVM_CLOCK_DATA.sizeBytes);
export const KVM_GET_PIT2 = ior(KVMIO, 0x9f, s.KVM_PIT_STATE2.sizeBytes);
export const KVM_SET_PIT2 = iow(KVMIO, 0xa0, s.KVM_PIT_STATE2.sizeBytes);
export const KVM_ENABLE_CAP = iow(KVMIO, 0xa3, s.KVM_ENABLE_CAP.sizeBytes);
export const KVM_SIGNAL_MSI = iow(KVMIO, 0xa5, s.KVM_MSI.sizeBytes);

// On a vCPU.
export const KVM_RUN = io(KVMIO, 0x80);
export const KVM_GET_REGS = ior(KVMIO, 0x81, s.KVM_REGS.sizeBytes);
export const KVM_SET_REGS = iow(KVMIO, 0x82, s.KVM_REGS.sizeBytes);
export const KVM_GET_SREGS = ior(KVMIO, 0x83, s.KVM_SREGS.sizeBytes);
export const KVM_SET_SREGS = iow(KVMIO, 0x84, s.KVM_SREGS.sizeBytes);
export const KVM_TRANSLATE = iowr(KVMIO, 0x85, s.KVM_TRANSLATION.sizeBytes);
export const KVM_INTERRUPT = iow(KVMIO, 0x86, s.KVM_INTERRUPT.sizeBytes);
export const KVM_GET_MSRS = iowr(KVMIO, 0x88, s.KVM_MSRS.sizeBytes);
export const KVM_SET_MSRS = iow(KVMIO, 0x89, s.KVM_MSRS.sizeBytes);
export const KVM_SET_SIGNAL_MASK = iow(KVMIO, 0x8b, s.KVM_SIGNAL_MASK.sizeBytes);
export const KVM_GET_FPU = ior(KVMIO, 0x8c, s.KVM_FPU.sizeBytes);
export const KVM_SET_FPU = iow(KVMIO, 0x8d, s.KVM_FPU.sizeBytes);
export const KVM_GET_LAPIC = ior(KVMIO, 0x8e, s.KVM_LAPIC_STATE.sizeBytes);
export const KVM_SET_LAPIC = iow(KVMIO, 0x8f, s.KVM_LAPIC_STATE.sizeBytes);
export const KVM_SET_CPUID2 = iow(KVMIO, 0x90, s.KVM_CPUID2.sizeBytes);
export const KVM_GET_CPUID2 = iowr(KVMIO, 0x91, s.KVM_CPUID2.sizeBytes);
export const KVM_GET_MP_STATE = ior(KVMIO, 0x98, s.KVM_MP_STATE.sizeBytes);
export const KVM_SET_MP_STATE = iow(KVMIO, 0x99, s.KVM_MP_STATE.sizeBytes);
export const KVM_NMI = io(KVMIO, 0x9a);
export const KVM_SET_GUEST_DEBUG = iow(KVMIO, 0x9b, s.KVM_GUEST_DEBUG.sizeBytes);
export const KVM_GET_VCPU_EVENTS = ior(KVMIO, 0x9f, s.KVM_VCPU_EVENTS.sizeBytes);
export const KVM_SET_VCPU_EVENTS = iow(KVMIO, 0xa0, s.KVM_VCPU_EVENTS.sizeBytes);
export const KVM_GET_DEBUGREGS = ior(KVMIO, 0xa1, s.KVM_DEBUGREGS.sizeBytes);
export const KVM_SET_DEBUGREGS = iow(KVMIO, 0xa2, s.KVM_DEBUGREGS.sizeBytes);
export const KVM_SET_TSC_KHZ = io(KVMIO, 0xa2);
export const KVM_GET_TSC_KHZ = io(KVMIO, 0xa3);
export const KVM_GET_XSAVE = ior(KVMIO, 0xa4, s.KVM_XSAVE.sizeBytes);
export const KVM_SET_XSAVE = iow(KVMIO, 0xa5, s.KVM_XSAVE.sizeBytes);
export const KVM_GET_XCRS = ior(KVMIO, 0xa6, s.KVM_XCRS.sizeBytes);
export const KVM_SET_XCRS = iow(KVMIO, 0xa7, s.KVM_XCRS.sizeBytes);
export const KVM_KVMCLOCK_CTRL = io(KVMIO, 0xad);
