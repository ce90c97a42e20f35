/** Flags and small numbers of the KVM API by their names in `linux/kvm.h`; capabilities are in `caps.ts`. */

export const KVM_MEM_LOG_DIRTY_PAGES = 1;
export const KVM_MEM_READONLY = 2;

/** Leaves port 0x61, the speaker gate, to the kernel's PIT. */
export const KVM_PIT_SPEAKER_DUMMY = 1;

export const KVM_IRQCHIP_PIC_MASTER = 0;
export const KVM_IRQCHIP_PIC_SLAVE = 1;
export const KVM_IRQCHIP_IOAPIC = 2;
export const KVM_IOAPIC_NUM_PINS = 24;
export const KVM_IRQ_ROUTING_IRQCHIP = 1;
export const KVM_IRQ_ROUTING_MSI = 2;

export const KVM_IRQFD_FLAG_DEASSIGN = 1;
export const KVM_IRQFD_FLAG_RESAMPLE = 2;
export const KVM_IOEVENTFD_FLAG_DATAMATCH = 1;
export const KVM_IOEVENTFD_FLAG_PIO = 2;
export const KVM_IOEVENTFD_FLAG_DEASSIGN = 4;

/** Page of a vCPU mapping that holds the coalesced ring. */
export const KVM_COALESCED_MMIO_PAGE_OFFSET = 2;

export const KVM_MP_STATE_RUNNABLE = 0;
export const KVM_MP_STATE_UNINITIALIZED = 1;
export const KVM_MP_STATE_INIT_RECEIVED = 2;
export const KVM_MP_STATE_HALTED = 3;
export const KVM_MP_STATE_SIPI_RECEIVED = 4;

/** The CPUID entry is for one index (ECX) of its function only. The header spells it so. */
export const KVM_CPUID_FLAG_SIGNIFCANT_INDEX = 1;
