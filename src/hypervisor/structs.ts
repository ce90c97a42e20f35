/**
 * The structures of the KVM API on x86-64 (KVM API §4 and §5; `linux/kvm.h`, `asm/kvm.h`), as tables.
 *
 * Structures that end in a flexible array are described without it: their `sizeBytes` is where its entries start.
 */
import { array, nested, type StructValue, struct, u8, u16, u32, u64 } from '../base/struct.ts';

/** `struct kvm_userspace_memory_region`: one memslot. */
export const KVM_USERSPACE_MEMORY_REGION = struct('struct kvm_userspace_memory_region', 32, {
  slot: u32(0),
  flags: u32(4),
  guest_phys_addr: u64(8),
  memory_size: u64(16),
  userspace_addr: u64(24),
});

export const KVM_IRQ_LEVEL = struct('struct kvm_irq_level', 8, { irq: u32(0), level: u32(4) });

export const KVM_PIT_CONFIG = struct('struct kvm_pit_config', 64, {
  flags: u32(0),
  pad: array(4, 4, 15),
});

export const KVM_PIC_STATE = struct('struct kvm_pic_state', 16, {
  last_irr: u8(0),
  irr: u8(1),
  imr: u8(2),
  isr: u8(3),
  priority_add: u8(4),
  irq_base: u8(5),
  read_reg_select: u8(6),
  poll: u8(7),
  special_mask: u8(8),
  init_state: u8(9),
  auto_eoi: u8(10),
  rotate_on_auto_eoi: u8(11),
  special_fully_nested_mode: u8(12),
  init4: u8(13),
  elcr: u8(14),
  elcr_mask: u8(15),
});

export const KVM_IOAPIC_STATE = struct('struct kvm_ioapic_state', 216, {
  base_address: u64(0),
  ioregsel: u32(8),
  id: u32(12),
  irr: u32(16),
  pad: u32(20),
  redirtbl: array(24, 8, 24),
});

/** State of one of the three interrupt controllers, chosen by `chip_id`. */
export const KVM_IRQCHIP = struct('struct kvm_irqchip', 520, {
  chip_id: u32(0),
  pad: u32(4),
  'chip.pic': nested(8, KVM_PIC_STATE),
  'chip.ioapic': nested(8, KVM_IOAPIC_STATE),
});

export const KVM_PIT_CHANNEL_STATE = struct('struct kvm_pit_channel_state', 24, {
  count: u32(0),
  latched_count: u16(4),
  count_latched: u8(6),
  status_latched: u8(7),
  status: u8(8),
  read_state: u8(9),
  write_state: u8(10),
  write_latch: u8(11),
  rw_mode: u8(12),
  mode: u8(13),
  bcd: u8(14),
  gate: u8(15),
  count_load_time: u64(16),
});

export const KVM_PIT_STATE2 = struct('struct kvm_pit_state2', 112, {
  'channels[0]': nested(0, KVM_PIT_CHANNEL_STATE),
  'channels[1]': nested(24, KVM_PIT_CHANNEL_STATE),
  'channels[2]': nested(48, KVM_PIT_CHANNEL_STATE),
  flags: u32(72),
  reserved: array(76, 4, 9),
});

/** One range whose writes KVM collects instead of leaving the guest for each. */
export const KVM_COALESCED_MMIO_ZONE = struct('struct kvm_coalesced_mmio_zone', 16, {
  addr: u64(0),
  size: u32(8),
  pio: u32(12),
});

/** One collected write. */
export const KVM_COALESCED_MMIO = struct('struct kvm_coalesced_mmio', 24, {
  phys_addr: u64(0),
  len: u32(8),
  pio: u32(12),
  data: array(16, 1, 8),
});

/** Head of the ring of collected writes; {@link KVM_COALESCED_MMIO} entries follow. */
export const KVM_COALESCED_MMIO_RING = struct('struct kvm_coalesced_mmio_ring', 8, {
  first: u32(0),
  last: u32(4),
});

export const KVM_TRANSLATION = struct('struct kvm_translation', 24, {
  linear_address: u64(0),
  physical_address: u64(8),
  valid: u8(16),
  writeable: u8(17),
  usermode: u8(18),
  pad: array(19, 1, 5),
});

export const KVM_INTERRUPT = struct('struct kvm_interrupt', 4, { irq: u32(0) });

export const KVM_DIRTY_LOG = struct('struct kvm_dirty_log', 16, {
  slot: u32(0),
  padding1: u32(4),
  dirty_bitmap: u64(8),
});

/** Head of a signal mask; the kernel's sigset (8 bytes) follows. */
export const KVM_SIGNAL_MASK = struct('struct kvm_signal_mask', 4, { len: u32(0) });

export const KVM_MP_STATE = struct('struct kvm_mp_state', 4, { mp_state: u32(0) });

export const KVM_GUEST_DEBUG = struct('struct kvm_guest_debug', 72, {
  control: u32(0),
  pad: u32(4),
  'arch.debugreg': array(8, 8, 8),
});

export const KVM_IOEVENTFD = struct('struct kvm_ioeventfd', 64, {
  datamatch: u64(0),
  addr: u64(8),
  len: u32(16),
  fd: u32(20),
  flags: u32(24),
  pad: array(28, 1, 36),
});

export const KVM_ENABLE_CAP = struct('struct kvm_enable_cap', 104, {
  cap: u32(0),
  flags: u32(4),
  args: array(8, 8, 4),
  pad: array(40, 1, 64),
});

/** One route of the GSI routing table; `type` chooses the arm of the union. */
export const KVM_IRQ_ROUTING_ENTRY = struct('struct kvm_irq_routing_entry', 48, {
  gsi: u32(0),
  type: u32(4),
  flags: u32(8),
  pad: u32(12),
  'u.irqchip.irqchip': u32(16),
  'u.irqchip.pin': u32(20),
  'u.msi.address_lo': u32(16),
  'u.msi.address_hi': u32(20),
  'u.msi.data': u32(24),
  'u.msi.devid': u32(28),
});

/** Head of the GSI routing table; {@link KVM_IRQ_ROUTING_ENTRY} entries follow. */
export const KVM_IRQ_ROUTING = struct('struct kvm_irq_routing', 8, { nr: u32(0), flags: u32(4) });

export const KVM_IRQFD = struct('struct kvm_irqfd', 32, {
  fd: u32(0),
  gsi: u32(4),
  flags: u32(8),
  resamplefd: u32(12),
  pad: array(16, 1, 16),
});

export const KVM_CLOCK_DATA = struct('struct kvm_clock_data', 48, {
  clock: u64(0),
  flags: u32(8),
  pad0: u32(12),
  realtime: u64(16),
  host_tsc: u64(24),
  pad: array(32, 4, 4),
});

export const KVM_MSI = struct('struct kvm_msi', 32, {
  address_lo: u32(0),
  address_hi: u32(4),
  data: u32(8),
  flags: u32(12),
  devid: u32(16),
  pad: array(20, 1, 12),
});

export const KVM_REGS = struct('struct kvm_regs', 144, {
  rax: u64(0),
  rbx: u64(8),
  rcx: u64(16),
  rdx: u64(24),
  rsi: u64(32),
  rdi: u64(40),
  rsp: u64(48),
  rbp: u64(56),
  r8: u64(64),
  r9: u64(72),
  r10: u64(80),
  r11: u64(88),
  r12: u64(96),
  r13: u64(104),
  r14: u64(112),
  r15: u64(120),
  rip: u64(128),
  rflags: u64(136),
});
/** General registers. */
export type KvmRegs = StructValue<typeof KVM_REGS>;

/** A segment register with its hidden part; `limit` is in bytes, whatever `g` says. */
export const KVM_SEGMENT = struct('struct kvm_segment', 24, {
  base: u64(0),
  limit: u32(8),
  selector: u16(12),
  type: u8(14),
  present: u8(15),
  dpl: u8(16),
  db: u8(17),
  s: u8(18),
  l: u8(19),
  g: u8(20),
  avl: u8(21),
  unusable: u8(22),
  padding: u8(23),
});
export type KvmSegment = StructValue<typeof KVM_SEGMENT>;

export const KVM_DTABLE = struct('struct kvm_dtable', 16, {
  base: u64(0),
  limit: u16(8),
  padding: array(10, 2, 3),
});

export const KVM_SREGS = struct('struct kvm_sregs', 312, {
  cs: nested(0, KVM_SEGMENT),
  ds: nested(24, KVM_SEGMENT),
  es: nested(48, KVM_SEGMENT),
  fs: nested(72, KVM_SEGMENT),
  gs: nested(96, KVM_SEGMENT),
  ss: nested(120, KVM_SEGMENT),
  tr: nested(144, KVM_SEGMENT),
  ldt: nested(168, KVM_SEGMENT),
  gdt: nested(192, KVM_DTABLE),
  idt: nested(208, KVM_DTABLE),
  cr0: u64(224),
  cr2: u64(232),
  cr3: u64(240),
  cr4: u64(248),
  cr8: u64(256),
  efer: u64(264),
  apic_base: u64(272),
  interrupt_bitmap: array(280, 8, 4),
});
/** Segment, control and descriptor-table registers. */
export type KvmSregs = StructValue<typeof KVM_SREGS>;

export const KVM_FPU = struct('struct kvm_fpu', 416, {
  fpr: array(0, 1, 128),
  fcw: u16(128),
  fsw: u16(130),
  ftwx: u8(132),
  pad1: u8(133),
  last_opcode: u16(134),
  last_ip: u64(136),
  last_dp: u64(144),
  xmm: array(152, 1, 256),
  mxcsr: u32(408),
  pad2: u32(412),
});
export type KvmFpu = StructValue<typeof KVM_FPU>;

/** Head of an MSR list; {@link KVM_MSR_ENTRY} entries follow. */
export const KVM_MSRS = struct('struct kvm_msrs', 8, { nmsrs: u32(0), pad: u32(4) });
export const KVM_MSR_ENTRY = struct('struct kvm_msr_entry', 16, {
  index: u32(0),
  reserved: u32(4),
  data: u64(8),
});
/** Head of a list of MSR numbers; one `u32` each follows. */
export const KVM_MSR_LIST = struct('struct kvm_msr_list', 4, { nmsrs: u32(0) });

/** Head of a CPUID table; {@link KVM_CPUID_ENTRY2} entries follow. */
export const KVM_CPUID2 = struct('struct kvm_cpuid2', 8, { nent: u32(0), padding: u32(4) });
export const KVM_CPUID_ENTRY2 = struct('struct kvm_cpuid_entry2', 40, {
  function: u32(0),
  index: u32(4),
  flags: u32(8),
  eax: u32(12),
  ebx: u32(16),
  ecx: u32(20),
  edx: u32(24),
  padding: array(28, 4, 3),
});

/** The local APIC's register page; registers are 16 bytes apart. */
export const KVM_LAPIC_STATE = struct('struct kvm_lapic_state', 1024, {
  regs: array(0, 1, 1024),
});

export const KVM_VCPU_EVENTS = struct('struct kvm_vcpu_events', 64, {
  'exception.injected': u8(0),
  'exception.nr': u8(1),
  'exception.has_error_code': u8(2),
  'exception.pending': u8(3),
  'exception.error_code': u32(4),
  'interrupt.injected': u8(8),
  'interrupt.nr': u8(9),
  'interrupt.soft': u8(10),
  'interrupt.shadow': u8(11),
  'nmi.injected': u8(12),
  'nmi.pending': u8(13),
  'nmi.masked': u8(14),
  'nmi.pad': u8(15),
  sipi_vector: u32(16),
  flags: u32(20),
  'smi.smm': u8(24),
  'smi.pending': u8(25),
  'smi.smm_inside_nmi': u8(26),
  'smi.latched_init': u8(27),
  'triple_fault.pending': u8(28),
  reserved: array(29, 1, 26),
  exception_has_payload: u8(55),
  exception_payload: u64(56),
});
export type KvmVcpuEvents = StructValue<typeof KVM_VCPU_EVENTS>;

export const KVM_DEBUGREGS = struct('struct kvm_debugregs', 128, {
  db: array(0, 8, 4),
  dr6: u64(32),
  dr7: u64(40),
  flags: u64(48),
  reserved: array(56, 8, 9),
});
export type KvmDebugregs = StructValue<typeof KVM_DEBUGREGS>;

export const KVM_XSAVE = struct('struct kvm_xsave', 4096, { region: array(0, 4, 1024) });

export const KVM_XCR = struct('struct kvm_xcr', 16, {
  xcr: u32(0),
  reserved: u32(4),
  value: u64(8),
});
export const KVM_XCRS = struct('struct kvm_xcrs', 392, {
  nr_xcrs: u32(0),
  flags: u32(4),
  'xcrs[0]': nested(8, KVM_XCR),
  padding: array(264, 8, 16),
});

/** The page that a vCPU and its thread share: why KVM_RUN returned, and its arguments (KVM API §5). */
export const KVM_RUN_STATE = struct('struct kvm_run', 2352, {
  request_interrupt_window: u8(0),
  immediate_exit: u8(1),
  exit_reason: u32(8),
  ready_for_interrupt_injection: u8(12),
  if_flag: u8(13),
  flags: u16(14),
  cr8: u64(16),
  apic_base: u64(24),
  'hw.hardware_exit_reason': u64(32),
  'fail_entry.hardware_entry_failure_reason': u64(32),
  'fail_entry.cpu': u32(40),
  'ex.exception': u32(32),
  'ex.error_code': u32(36),
  'io.direction': u8(32),
  'io.size': u8(33),
  'io.port': u16(34),
  'io.count': u32(36),
  'io.data_offset': u64(40),
  'debug.arch.exception': u32(32),
  'debug.arch.pc': u64(40),
  'debug.arch.dr6': u64(48),
  'debug.arch.dr7': u64(56),
  'mmio.phys_addr': u64(32),
  'mmio.data': array(40, 1, 8),
  'mmio.len': u32(48),
  'mmio.is_write': u8(52),
  'internal.suberror': u32(32),
  'internal.ndata': u32(36),
  'internal.data': array(40, 8, 16),
  'emulation_failure.suberror': u32(32),
  'emulation_failure.ndata': u32(36),
  'emulation_failure.flags': u64(40),
  'emulation_failure.insn_size': u8(48),
  'emulation_failure.insn_bytes': array(49, 1, 15),
  'system_event.type': u32(32),
  'system_event.ndata': u32(36),
  'system_event.data': array(40, 8, 16),
  'eoi.vector': u8(32),
  'msr.error': u8(32),
  'msr.reason': u32(40),
  'msr.index': u32(44),
  'msr.data': u64(48),
  'notify.flags': u32(32),
  kvm_valid_regs: u64(288),
  kvm_dirty_regs: u64(296),
});
