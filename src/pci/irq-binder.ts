/** What interrupts of PCI devices need of the hypervisor: the kernel delivers them, the parent only wires them. */
import type { Gsi, RawFd } from '../base/brands.ts';
import { drainEventFd } from '../sys/eventfd.ts';
import { isReadable } from '../sys/poll.ts';

/** Satisfied by the hypervisor. An eventfd is bound to at most one GSI at a time. */
export interface IrqBinder {
  /** A GSI for a message-signalled interrupt, never given out before. */
  allocateGsi(): Gsi;
  /** Says which message a GSI sends. The message is one that the local APIC takes. */
  setMsiRoute(gsi: Gsi, addressLow: number, addressHigh: number, data: number): void;
  /**
   * From now on a signal on `eventfd` raises `gsi`, and is thereby taken. A signal that it already holds raises `gsi`
   * once, too, but stays in it: KVM_IRQFD only looks. See {@link bindAndDrain}.
   *
   * @param resampleFd makes the interrupt level-triggered: the kernel lowers the line at the end of the interrupt and
   *   signals this eventfd, so that a device that still wants attention can raise it again.
   */
  bindIrqfd(eventfd: RawFd, gsi: Gsi, resampleFd?: RawFd): void;
  unbindIrqfd(eventfd: RawFd, gsi: Gsi): void;
}

/** What is done to eventfds themselves. */
export interface EventfdAccess {
  /** True while an eventfd holds a signal that nobody has taken. */
  isSignalled(eventfd: RawFd): boolean;
  /** Takes what an eventfd holds. */
  drain(eventfd: RawFd): void;
}

/** The host's eventfds. */
export const hostEventfds: EventfdAccess = { isSignalled: isReadable, drain: drainEventFd };

/** Binds an eventfd and takes the signal that binding has delivered, so that it is not delivered twice. */
export function bindAndDrain(
  { binder, eventfds }: { readonly binder: IrqBinder; readonly eventfds: EventfdAccess },
  eventfd: RawFd,
  gsi: Gsi,
  resampleFd?: RawFd,
): void {
  binder.bindIrqfd(eventfd, gsi, resampleFd);
  // ORDER: after the binding, which takes every later signal inside the kernel: what is left here has been delivered.
  eventfds.drain(eventfd);
}
