import t from 'tap';
import { createPvpanicFunction, Pvpanic } from '../../../src/legacy/pvpanic.ts';
import { PciMachine } from '../pci/pci-machine.ts';
import { RecordingEvents } from './recording-events.ts';

t.test('Pvpanic reports what the guest writes', async (t) => {
  const events = new RecordingEvents();
  const pvpanic = new Pvpanic(events);
  t.equal(pvpanic.read(0, 1), 3, 'the events that it knows');
  pvpanic.write(0, 1, 4);
  pvpanic.write(0, 2, 1);
  t.strictSame(events.calls, []);
  pvpanic.write(0, 1, 2);
  pvpanic.write(0, 1, 1);
  pvpanic.write(0, 1, 3);
  t.strictSame(events.calls, ['panic true', 'panic false', 'panic false']);
});

t.test('createPvpanicFunction puts the register behind a BAR', async (t) => {
  const events = new RecordingEvents();
  const machine = new PciMachine();
  const fn = createPvpanicFunction(new Pvpanic(events));
  machine.root.add(fn);
  t.equal(machine.readConfig(1, 0), 0x0011_1b36);
  t.equal(machine.readConfig(1, 8), 0xff00_0001);
  machine.memoryBus.write(machine.readConfig(1, 0x10), 1, 1, 0);
  t.strictSame(events.calls, ['panic false']);
});
