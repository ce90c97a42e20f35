import fc from 'fast-check';
import t from 'tap';
import type { AccessSize, BusDevice } from '../../../src/bus/bus-device.ts';
import { ECAM_SIZE, ECAM_START } from '../../../src/memory/layout.ts';
import { ConfigPorts } from '../../../src/pci/config-access.ts';
import { holds } from '../../support/property.ts';
import { constantDevice, createFunction, PciMachine } from './pci-machine.ts';

t.test('ConfigPorts finds the host bridge at 00:00.0', async (t) => {
  const machine = new PciMachine();
  t.equal(machine.readConfig(0, 0x00), 0x1237_8086);
  t.equal(machine.readConfig(0, 0x08), 0x0600_0000, 'class 0600');
  t.equal(machine.readConfig(0, 0x0c), 0, 'one function, type 0');
});

t.test('ConfigPorts reads all ones where no function is', async (t) => {
  const machine = new PciMachine();
  machine.root.add(createFunction('dev'));
  t.equal(machine.readConfig(2, 0), 0xffff_ffff, 'device');
  machine.ioBus.write(0xcf8, 4, 0x8000_0900, 0);
  t.equal(machine.readIo(0xcfc), 0xffff_ffff, 'function 1');
  machine.ioBus.write(0xcf8, 4, 0x8001_0800, 0);
  t.equal(machine.readIo(0xcfc), 0xffff_ffff, 'bus 1');
  machine.ioBus.write(0xcf8, 4, 0x0000_0800, 0);
  t.equal(machine.readIo(0xcfc), 0xffff_ffff, 'not enabled');
});

t.test('ConfigPorts takes byte and word accesses at the data port', async (t) => {
  const machine = new PciMachine();
  machine.root.add(createFunction('dev'));
  machine.selectConfig(1, 0);
  machine.ioBus.read(0xcfe, 2);
  t.equal(machine.ioBus.low, 0x1044, 'device id');
  machine.ioBus.read(0xcfd, 1);
  t.equal(machine.ioBus.low, 0x1a);
  machine.selectConfig(1, 0x3c);
  machine.ioBus.write(0xcfc, 1, 0x55, 0);
  t.equal(machine.readConfig(1, 0x3c), 0x0155, 'interrupt line changed, pin kept');
});

t.test('ConfigPorts keeps the address against anything but a dword', async (t) => {
  const machine = new PciMachine();
  machine.selectConfig(0, 0x08);
  machine.ioBus.write(0xcf8, 1, 0, 0);
  machine.ioBus.write(0xcfa, 2, 0xffff, 0);
  machine.ioBus.read(0xcf8, 4);
  t.equal(machine.ioBus.low, 0x8000_0008);
  machine.ioBus.write(0xcf8, 4, 0xffff_ffff, 0);
  machine.ioBus.read(0xcf8, 4);
  t.equal(machine.ioBus.low, 0x80ff_fffc, 'reserved bits read as zero');
});

t.test('ConfigPorts hands byte accesses to port 0xcf9 to the reset control', async (t) => {
  const written: number[] = [];
  const resetControl: BusDevice = {
    ...constantDevice('reset', 0x5a),
    write: (_offset, _size, value) => written.push(value),
  };
  const ports = new ConfigPorts(new PciMachine().root, resetControl);
  ports.write(1, 1, 6);
  ports.write(1, 2, 6);
  t.strictSame(written, [6]);
  t.equal(ports.read(1, 1), 0x5a);
});

t.test('EcamWindow reaches the same registers, and those behind 256 bytes', async (t) => {
  const machine = new PciMachine();
  const fn = createFunction('dev');
  fn.config.set(0x100, 4, 0x1234_5678);
  machine.root.add(fn);
  t.equal(machine.readMemory(ECAM_START + 0x8000), 0x1044_1af4);
  t.equal(machine.readMemory(ECAM_START + 0x8100), 0x1234_5678);
  machine.memoryBus.write(ECAM_START + 0x803c, 1, 0x77, 0);
  t.equal(machine.readConfig(1, 0x3c) & 0xff, 0x77);
  t.equal(machine.readMemory(ECAM_START + 0x9000), 0xffff_ffff, 'function 1');
  t.equal(machine.readMemory(ECAM_START + 0x10_8000), 0xffff_ffff, 'bus 1');
});

t.test('Both configuration paths take any access', async (t) => {
  const size = fc.constantFrom<AccessSize>(1, 2, 4);
  const access = fc.record({
    isEcam: fc.boolean(),
    at: fc.nat(ECAM_SIZE),
    size,
    value: fc.nat(0xffff_ffff),
  });
  holds(
    t,
    fc.property(fc.array(access, { maxLength: 40 }), (accesses) => {
      const machine = new PciMachine();
      const fn = createFunction('dev');
      fn.addBar(0, { kind: 'memory32', sizeBytes: 0x1000, device: constantDevice('dev', 1) });
      machine.root.add(fn);
      return accesses.every(({ isEcam, at, size, value }) => {
        const bus = isEcam ? machine.memoryBus : machine.ioBus;
        const address = isEcam ? ECAM_START + at : 0xcf8 + (at % 8);
        bus.write(address, size, value % 2 ** (8 * size), 0);
        bus.read(address, size);
        return bus.low >= 0 && bus.low < 2 ** (8 * size);
      });
    }),
  );
});
