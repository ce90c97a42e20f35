/** The interrupt side of a hypervisor for tests: keeps KVM's rules and remembers what it delivered. */
import { type Gsi, gsi, type RawFd } from '../../../src/base/brands.ts';
import { type EventfdAccess, hostEventfds, type IrqBinder } from '../../../src/pci/irq-binder.ts';

interface Binding {
  readonly gsi: Gsi;
  readonly resampleFd: RawFd | undefined;
}

export class FakeIrqs implements IrqBinder {
  readonly bindings = new Map<RawFd, Binding>();
  readonly routes = new Map<Gsi, string>();
  /** Deliveries in order: a GSI for each. */
  readonly delivered: Gsi[] = [];
  /** What no caller may do; must stay empty. */
  readonly violations: string[] = [];
  readonly #eventfds: EventfdAccess;
  #nextGsi = 24;

  constructor(eventfds: EventfdAccess = hostEventfds) {
    this.#eventfds = eventfds;
  }

  allocateGsi(): Gsi {
    return gsi(this.#nextGsi++);
  }

  setMsiRoute(target: Gsi, addressLow: number, addressHigh: number, data: number): void {
    this.routes.set(target, [addressLow, addressHigh, data].map((n) => n.toString(16)).join(' '));
  }

  bindIrqfd(eventfd: RawFd, target: Gsi, resampleFd?: RawFd): void {
    if (this.bindings.has(eventfd)) {
      this.violations.push(`eventfd ${eventfd} is bound twice`);
    }
    if (target >= 24 && !this.routes.has(target)) {
      this.violations.push(`GSI ${target} has no route`);
    }
    this.bindings.set(eventfd, { gsi: target, resampleFd });
    // As KVM does: what was signalled before is delivered now, but not taken.
    if (this.#eventfds.isSignalled(eventfd)) {
      this.delivered.push(target);
    }
  }

  unbindIrqfd(eventfd: RawFd, target: Gsi): void {
    if (this.bindings.get(eventfd)?.gsi !== target) {
      this.violations.push(`eventfd ${eventfd} is not bound to GSI ${target}`);
    }
    this.bindings.delete(eventfd);
  }

  /** Delivers what bound eventfds hold. A real kernel does so at once. */
  pump(): void {
    for (const [eventfd, binding] of this.bindings) {
      if (this.#eventfds.isSignalled(eventfd)) {
        this.#eventfds.drain(eventfd);
        this.delivered.push(binding.gsi);
      }
    }
  }
}

/** Eventfds without a kernel: the set of those that hold a signal. */
export class FakeEventfds implements EventfdAccess {
  readonly signalled = new Set<RawFd>();

  isSignalled(eventfd: RawFd): boolean {
    return this.signalled.has(eventfd);
  }

  drain(eventfd: RawFd): void {
    this.signalled.delete(eventfd);
  }
}
