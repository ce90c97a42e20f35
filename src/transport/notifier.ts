/**
 * The notification area: a write to a queue's address kicks the device.
 *
 * While the device is active and its BAR is mapped, each address is an ioeventfd and no write leaves the kernel. A
 * write that gets here all the same signals the same eventfd.
 */
import { type GuestAddress, guestAddress, type RawFd } from '../base/brands.ts';
import { type AccessSize, allOnes, type BusDevice } from '../bus/bus-device.ts';
import { signalEventFd } from '../sys/eventfd.ts';
import { NOTIFY_OFF_MULTIPLIER, NOTIFY_OFFSET } from './capabilities.ts';

/** Satisfied by the hypervisor: writes of any width to an address signal an eventfd (KVM_IOEVENTFD). */
export interface IoeventBinder {
  assign(address: GuestAddress, eventfd: RawFd): void;
  deassign(address: GuestAddress, eventfd: RawFd): void;
}

/** The notification addresses of one device. */
export class Notifier implements BusDevice {
  readonly name: string;
  /** Kicks that reached user space. */
  exits = 0;
  readonly #kicks: readonly RawFd[];
  readonly #binder: IoeventBinder;
  #barAddress: number | undefined;
  #isActive = false;
  #assignedAt: number | undefined;

  /** @param kicks the kick eventfd of each queue. */
  constructor(name: string, kicks: readonly RawFd[], binder: IoeventBinder) {
    this.name = name;
    this.#kicks = kicks;
    this.#binder = binder;
  }

  /** The BAR has moved; `undefined` when it is not mapped. */
  setBarAddress(address: number | undefined): void {
    this.#barAddress = address;
    this.#update();
  }

  /** Only an active device has ioeventfds: each costs the kernel a walk over all of them. */
  setActive(isActive: boolean): void {
    this.#isActive = isActive;
    this.#update();
  }

  read(_offset: number, size: AccessSize): number {
    return allOnes(size);
  }

  write(offset: number): void {
    const kick = this.#kicks[Math.floor(offset / NOTIFY_OFF_MULTIPLIER)];
    if (kick !== undefined) {
      this.exits++;
      signalEventFd(kick);
    }
  }

  #update(): void {
    const wanted = this.#isActive ? this.#barAddress : undefined;
    if (wanted === this.#assignedAt) {
      return;
    }
    const previous = this.#assignedAt;
    this.#assignedAt = wanted;
    this.#kicks.forEach((kick, index) => {
      const offset = NOTIFY_OFFSET + index * NOTIFY_OFF_MULTIPLIER;
      if (previous !== undefined) {
        this.#binder.deassign(guestAddress(previous + offset), kick);
      }
      if (wanted !== undefined) {
        this.#binder.assign(guestAddress(wanted + offset), kick);
      }
    });
  }
}
