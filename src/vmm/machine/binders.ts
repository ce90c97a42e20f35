/** Joins what PCI and the transport need of a hypervisor to the hypervisor that there is. */
import type { Vm } from '../../hypervisor/vm.ts';
import type { IrqBinder } from '../../pci/irq-binder.ts';
import type { IoeventBinder } from '../../transport/notifier.ts';

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
