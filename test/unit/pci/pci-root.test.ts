import t from 'tap';
import { INTX_GSI_BASE, INTX_GSI_COUNT, intxGsi } from '../../../src/pci/intx.ts';
import { createFunction, PciMachine } from './pci-machine.ts';

t.test('PciRoot.add numbers devices from 1 and wires their interrupts', async (t) => {
  const machine = new PciMachine();
  t.equal(machine.root.add(createFunction('first')), 1);
  t.equal(machine.root.add(createFunction('second')), 2);
  t.equal(machine.root.add(createFunction('fixed'), 9), 9);
  t.equal(machine.root.add(createFunction('third')), 3);
  t.strictSame(machine.root.deviceNumbers(), [1, 2, 3, 9]);
  for (const device of machine.root.deviceNumbers()) {
    t.equal(machine.readConfig(device, 0x3c), 0x100 + intxGsi(device), 'INTA# and its GSI');
  }
});

t.test('PciRoot.add refuses a device number that is taken', async (t) => {
  const machine = new PciMachine();
  machine.root.add(createFunction('first'), 4);
  t.throws(() => machine.root.add(createFunction('second'), 4), {
    code: 'ERR_PCI_SLOT_TAKEN',
    message: 'second cannot be PCI device 4: first is; choose another address',
  });
});

t.test('PciRoot.add refuses more devices than the bus has numbers', async (t) => {
  const machine = new PciMachine();
  for (let count = 1; count < 32; count++) {
    machine.root.add(createFunction(`dev${count}`));
  }
  t.throws(() => machine.root.add(createFunction('last')), {
    code: 'ERR_PCI_BUS_FULL',
    message: 'there are more than 31 PCI devices; give the machine fewer',
  });
});

t.test('intxGsi shares four GSIs evenly, starting at device 1', async (t) => {
  const gsis = [1, 2, 3, 4, 5].map(intxGsi);
  t.strictSame(gsis, [9, 10, 11, 12, 9]);
  for (let device = 0; device < 32; device++) {
    t.ok(intxGsi(device) >= INTX_GSI_BASE && intxGsi(device) < INTX_GSI_BASE + INTX_GSI_COUNT);
  }
});
