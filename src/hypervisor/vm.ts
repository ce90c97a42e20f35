/**
 * One virtual machine: memslots, in-kernel interrupt controllers and timer, irqfds, ioeventfds (KVM API §4).
 *
 * A machine's descriptor may be used by several threads; each makes its own {@link Vm} of the raw number. Only one of
 * them may set memslots and only one GSI routes, because those tables are kept here.
 */
import { type Gsi, type RawFd, rawFd } from '../base/brands.ts';
import { VmmError } from '../base/errors.ts';
import { type AnyStruct, encodeStruct, type StructInit } from '../base/struct.ts';
import { checkResult } from '../sys/errno.ts';
import { OwnedFd } from '../sys/fd.ts';
import { ioctl } from '../sys/ioctl.ts';
import { allocateNative, type NativeBuffer } from '../sys/mmap.ts';
import {
  KVM_IOEVENTFD_FLAG_DATAMATCH,
  KVM_IOEVENTFD_FLAG_DEASSIGN,
  KVM_IOEVENTFD_FLAG_PIO,
  KVM_IRQFD_FLAG_DEASSIGN,
  KVM_IRQFD_FLAG_RESAMPLE,
  KVM_PIT_SPEAKER_DUMMY,
} from './constants.ts';
import { GsiRoutes } from './gsi-routes.ts';
import * as request from './ioctls.ts';
import * as table from './structs.ts';

/** A memslot: guest-physical range backed by memory of this process. */
export interface Memslot {
  readonly slot: number;
  /** Guest-physical start, page aligned. */
  readonly gpa: number;
  /** A multiple of the page size; 0 removes the slot. */
  readonly sizeBytes: number;
  /** Host address of the first byte, page aligned. */
  readonly hva: number;
  /** KVM_MEM_* bits. */
  readonly flags?: number;
}

/** An address whose writes signal an eventfd instead of leaving the guest. */
export interface IoEvent {
  /** Guest-physical address, or port with `pio`. */
  readonly address: number;
  /** Width of the write: 1, 2, 4 or 8; 0 for any. */
  readonly sizeBytes: number;
  readonly fd: number;
  readonly pio?: boolean;
  /** Only writes of this value; any value if absent. Needs a width. */
  readonly datamatch?: number;
}

/** A range of write-only registers whose writes KVM collects in the coalesced ring. */
export interface CoalescedZone {
  readonly address: number;
  readonly sizeBytes: number;
  readonly pio: boolean;
}

export class Vm implements Disposable {
  readonly #owned: OwnedFd | undefined;
  readonly #fd: RawFd;
  readonly #scratch: NativeBuffer = allocateNative(128);
  readonly #slots = new Map<number, Memslot>();
  /** GSI routes; empty until {@link createIrqchip}. */
  readonly routes: GsiRoutes;

  private constructor(fd: RawFd, owned?: OwnedFd) {
    this.#fd = fd;
    this.#owned = owned;
    this.routes = new GsiRoutes((address) => {
      this.#call('KVM_SET_GSI_ROUTING', request.KVM_SET_GSI_ROUTING, address);
    });
  }

  /** Takes a machine's descriptor. */
  static own(fd: OwnedFd): Vm {
    return new Vm(fd.raw, fd);
  }

  /** A machine whose descriptor belongs to another thread of this process. */
  static borrow(fd: number): Vm {
    return new Vm(rawFd(fd));
  }

  get raw(): RawFd {
    return this.#fd;
  }

  /** KVM_CHECK_EXTENSION of this machine: 0 or the figure that belongs to `cap`. */
  checkExtension(cap: number): number {
    return Math.max(0, ioctl(this.#fd, request.KVM_CHECK_EXTENSION, cap));
  }

  /** Three pages for a task state segment that Intel hosts without unrestricted guest need. Before the first vCPU. */
  setTssAddr(gpa: number): void {
    this.#call('KVM_SET_TSS_ADDR', request.KVM_SET_TSS_ADDR, gpa);
  }

  /** One page for the identity map of the same hosts. Before the first vCPU. */
  setIdentityMapAddr(gpa: number): void {
    this.#scratch.view.setBigUint64(0, BigInt(gpa), true);
    this.#call('KVM_SET_IDENTITY_MAP_ADDR', request.KVM_SET_IDENTITY_MAP_ADDR);
  }

  /** PICs, I/O APIC and a local APIC for each vCPU, wired as {@link GsiRoutes} says. Before the first vCPU. */
  createIrqchip(): void {
    this.#call('KVM_CREATE_IRQCHIP', request.KVM_CREATE_IRQCHIP, 0);
    this.routes.commit();
  }

  /** The timer at ports 0x40–0x43. After {@link createIrqchip}. */
  createPit2(): void {
    this.#submit('KVM_CREATE_PIT2', request.KVM_CREATE_PIT2, table.KVM_PIT_CONFIG, {
      flags: KVM_PIT_SPEAKER_DUMMY,
    });
  }

  /**
   * Adds, moves or removes a memslot.
   *
   * @throws ERR_MEMSLOT_OVERLAP; ERR_SYSCALL
   */
  setUserMemoryRegion(region: Memslot): void {
    this.#checkOverlap(region);
    this.#submit(
      'KVM_SET_USER_MEMORY_REGION',
      request.KVM_SET_USER_MEMORY_REGION,
      table.KVM_USERSPACE_MEMORY_REGION,
      {
        slot: region.slot,
        flags: region.flags ?? 0,
        guest_phys_addr: region.gpa,
        memory_size: region.sizeBytes,
        userspace_addr: region.hva,
      },
    );
    if (region.sizeBytes === 0) {
      this.#slots.delete(region.slot);
    } else {
      this.#slots.set(region.slot, region);
    }
  }

  /** Drives the level of an input of the interrupt controllers. No allocation. */
  setIrqLine(gsi: number, level: boolean): void {
    const { view } = this.#scratch;
    view.setUint32(0, gsi, true);
    view.setUint32(4, level ? 1 : 0, true);
    this.#call('KVM_IRQ_LINE', request.KVM_IRQ_LINE);
  }

  /** Sends one message without a GSI. */
  signalMsi(addressLow: number, addressHigh: number, data: number): void {
    this.#submit('KVM_SIGNAL_MSI', request.KVM_SIGNAL_MSI, table.KVM_MSI, {
      address_lo: addressLow,
      address_hi: addressHigh,
      data,
    });
  }

  /**
   * Makes an eventfd raise a GSI.
   *
   * @param resampleFd for a level-triggered line: signalled when the guest ends the interrupt, and the line then falls.
   */
  bindIrqfd(fd: number, gsi: Gsi, resampleFd?: number): void {
    const resample =
      resampleFd === undefined ? {} : { flags: KVM_IRQFD_FLAG_RESAMPLE, resamplefd: resampleFd };
    this.#submit('KVM_IRQFD', request.KVM_IRQFD, table.KVM_IRQFD, { fd, gsi, ...resample });
  }

  /** Undoes {@link bindIrqfd}; once it returns, no write to the eventfd raises the GSI. */
  unbindIrqfd(fd: number, gsi: Gsi): void {
    const flags = KVM_IRQFD_FLAG_DEASSIGN;
    this.#submit('KVM_IRQFD', request.KVM_IRQFD, table.KVM_IRQFD, { fd, gsi, flags });
  }

  /** Makes writes to an address signal an eventfd. */
  assignIoeventfd(event: IoEvent): void {
    this.#ioeventfd(event, 0);
  }

  /** Undoes {@link assignIoeventfd}; `event` must be the same. */
  deassignIoeventfd(event: IoEvent): void {
    this.#ioeventfd(event, KVM_IOEVENTFD_FLAG_DEASSIGN);
  }

  /** Starts collecting the writes to a range; see `coalesced-ring.ts`. */
  registerCoalesced(zone: CoalescedZone): void {
    const number = request.KVM_REGISTER_COALESCED_MMIO;
    this.#coalesced('KVM_REGISTER_COALESCED_MMIO', number, zone);
  }

  /** Undoes {@link registerCoalesced}. */
  unregisterCoalesced(zone: CoalescedZone): void {
    const number = request.KVM_UNREGISTER_COALESCED_MMIO;
    this.#coalesced('KVM_UNREGISTER_COALESCED_MMIO', number, zone);
  }

  /**
   * Makes a vCPU.
   *
   * @param id also its APIC id.
   */
  createVcpu(id: number): OwnedFd {
    return new OwnedFd(this.#call('KVM_CREATE_VCPU', request.KVM_CREATE_VCPU, id));
  }

  [Symbol.dispose](): void {
    this.#owned?.close();
  }

  #ioeventfd(event: IoEvent, flags: number): void {
    const match = event.datamatch === undefined ? 0 : KVM_IOEVENTFD_FLAG_DATAMATCH;
    const pio = event.pio === true ? KVM_IOEVENTFD_FLAG_PIO : 0;
    this.#submit('KVM_IOEVENTFD', request.KVM_IOEVENTFD, table.KVM_IOEVENTFD, {
      datamatch: event.datamatch ?? 0,
      addr: event.address,
      len: event.sizeBytes,
      fd: event.fd,
      flags: flags | match | pio,
    });
  }

  #coalesced(name: string, number: number, zone: CoalescedZone): void {
    this.#submit(name, number, table.KVM_COALESCED_MMIO_ZONE, {
      addr: zone.address,
      size: zone.sizeBytes,
      pio: zone.pio ? 1 : 0,
    });
  }

  #checkOverlap(region: Memslot): void {
    const end = region.gpa + region.sizeBytes;
    for (const other of this.#slots.values()) {
      const overlaps = region.gpa < other.gpa + other.sizeBytes && other.gpa < end;
      if (overlaps && other.slot !== region.slot && region.sizeBytes > 0) {
        throw new VmmError(
          'ERR_MEMSLOT_OVERLAP',
          `memslot ${region.slot} (${hexRange(region)}) overlaps memslot ${other.slot} (${hexRange(other)})`,
        );
      }
    }
  }

  /** Encodes the argument and makes the request. */
  #submit<S extends AnyStruct>(
    name: string,
    number: number,
    shape: S,
    init: StructInit<S>,
  ): number {
    encodeStruct(shape, this.#scratch.view, 0, init);
    return this.#call(name, number);
  }

  #call(name: string, number: number, argument: number = this.#scratch.address): number {
    const result = ioctl(this.#fd, number, argument);
    return result < 0 ? checkResult(result, `ioctl(${name})`) : result;
  }
}

function hexRange({ gpa, sizeBytes }: Memslot): string {
  return `0x${gpa.toString(16)} to 0x${(gpa + sizeBytes).toString(16)}`;
}
