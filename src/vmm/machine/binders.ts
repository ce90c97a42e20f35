/** Joins what PCI and the transport need of a hypervisor to the hypervisor that there is. */
import { HostError } from '../../base/errors.ts';
import { CoalescedRing } from '../../hypervisor/coalesced-ring.ts';
import type { Vm } from '../../hypervisor/vm.ts';
import type { IrqBinder } from '../../pci/irq-binder.ts';
import type { IoeventBinder } from '../../transport/notifier.ts';
import type { WriteRing } from './collected-writes.ts';

/** Interrupts by GSI routes and irqfds of a machine. */
export function createIrqBinder(vm: Vm): IrqBinder {
  return {
    allocateGsi: () => vm.routes.allocateMsiGsi(),
    setMsiRoute: (gsi, addressLow, addressHigh, data) => {
      vm.routes.setMsiRoute(gsi, addressLow, addressHigh, data);
      vm.routes.commit();
    },
    bindIrqfd: (eventfd, gsi, resampleFd) => {
      vm.bindIrqfd(eventfd, gsi, resampleFd);
    },
    unbindIrqfd: (eventfd, gsi) => {
      vm.unbindIrqfd(eventfd, gsi);
    },
  };
}

/** Kicks by ioeventfds that take a write of any width. */
export function createIoeventBinder(vm: Vm): IoeventBinder {
  return {
    assign: (address, fd) => {
      vm.assignIoeventfd({ address, sizeBytes: 0, fd });
    },
    deassign: (address, fd) => {
      vm.deassignIoeventfd({ address, sizeBytes: 0, fd });
    },
  };
}

/**
 * Writes to output ports by KVM's ring.
 *
 * @param ringFd of any vCPU; borrowed.
 */
export function createWriteRing(vm: Vm, ringFd: number): WriteRing {
  const ring = CoalescedRing.map(ringFd);
  return {
    start: (port) => {
      try {
        vm.registerCoalesced({ address: port, sizeBytes: 1, pio: true });
        return true;
      } catch (error) {
        // Without it each write is an exit, which is slower and nothing else.
        if (error instanceof HostError) {
          return false;
        }
        throw error;
      }
    },
    stop: (port) => {
      vm.unregisterCoalesced({ address: port, sizeBytes: 1, pio: true });
    },
    drain: (handler) => ring.drain(handler),
  };
}
