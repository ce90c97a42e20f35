import fc from 'fast-check';
import t from 'tap';
import { setLogLevel } from '../../../src/base/log.ts';
import { LOW_MMIO_START } from '../../../src/memory/layout.ts';
import { holds } from '../../support/property.ts';
import { constantDevice, createFunction, HIGH_WINDOW, PciMachine } from './pci-machine.ts';

// Refusals are provoked by the hundred here; the counter is what counts.
setLogLevel('error');

const COMMAND = 0x04;
const BAR0 = 0x10;
const BAR1 = 0x14;

function machineWith(...kinds: readonly ('io' | 'memory32' | 'memory64')[]): PciMachine {
  const machine = new PciMachine();
  kinds.forEach((kind, index) => {
    const fn = createFunction(`dev${index + 1}`);
    const sizeBytes = kind === 'io' ? 0x20 : 0x8000;
    fn.addBar(0, { kind, sizeBytes, device: constantDevice(fn.name, 0x1111_1111 * (index + 1)) });
    machine.root.add(fn);
  });
  return machine;
}

t.test('Bar is assigned and mapped before the guest runs', async (t) => {
  const machine = machineWith('memory32', 'memory64', 'io');
  t.equal(machine.readConfig(1, BAR0), LOW_MMIO_START);
  t.equal(machine.readMemory(LOW_MMIO_START), 0x1111_1111);
  t.equal(machine.readConfig(2, BAR0), (HIGH_WINDOW.start % 2 ** 32) + 4, '64-bit memory');
  t.equal(machine.readConfig(2, BAR1), 1, 'upper half');
  t.equal(machine.readMemory(HIGH_WINDOW.start), 0x2222_2222);
  t.equal(machine.readConfig(3, BAR0), 0xc001, 'I/O');
  t.equal(machine.readIo(0xc000), 0x3333_3333);
});

t.test('Bar reads its size back after all ones', async (t) => {
  const machine = machineWith('memory32', 'memory64', 'io');
  machine.writeConfig(1, BAR0, 0xffff_ffff);
  t.equal(machine.readConfig(1, BAR0), 0xffff_8000);
  machine.writeConfig(2, BAR0, 0xffff_ffff);
  machine.writeConfig(2, BAR1, 0xffff_ffff);
  t.equal(machine.readConfig(2, BAR0), 0xffff_8004);
  t.equal(machine.readConfig(2, BAR1), 0xffff_ffff);
  machine.writeConfig(3, BAR0, 0xffff_ffff);
  t.equal(machine.readConfig(3, BAR0), 0xffff_ffe1);
  t.equal(machine.root.mapper.refusedMappings, 0, 'sizing is no mistake');
  machine.writeConfig(1, BAR0, LOW_MMIO_START);
  t.equal(machine.readMemory(LOW_MMIO_START), 0x1111_1111, 'and it is back');
});

t.test('Bar follows the decode bit of the command register', async (t) => {
  const machine = machineWith('memory32');
  machine.writeConfig(1, COMMAND, 0);
  t.equal(machine.readMemory(LOW_MMIO_START), 0xffff_ffff);
  machine.writeConfig(1, COMMAND, 2);
  t.equal(machine.readMemory(LOW_MMIO_START), 0x1111_1111);
});

t.test('Bar moves at run time', async (t) => {
  const machine = machineWith('memory32');
  const there = 0xe000_0000;
  machine.writeConfig(1, BAR0, there);
  t.equal(machine.readMemory(there), 0x1111_1111);
  t.equal(machine.readMemory(LOW_MMIO_START), 0xffff_ffff);
});

const forbidden = [
  ['RAM', 0x10_0000],
  ['ECAM', 0xf400_0000],
  ['the I/O APIC', 0xfec0_0000],
] as const;
for (const [what, address] of forbidden) {
  t.test(`Bar is not mapped onto ${what}`, async (t) => {
    const machine = machineWith('memory32');
    machine.writeConfig(1, BAR0, address);
    const mapped = machine.memoryBus.ranges().map((range) => range.name);
    t.strictSame(mapped, ['pci-ecam']);
    t.equal(machine.root.mapper.refusedMappings, 1);
    machine.writeConfig(1, COMMAND, 2);
    t.equal(machine.root.mapper.refusedMappings, 1, 'one address counts once');
  });
}

t.test('Bar waits for addresses that another one has, and takes them when it leaves', async (t) => {
  const machine = machineWith('memory32', 'memory32');
  const first = machine.readConfig(1, BAR0);
  const second = machine.readConfig(2, BAR0);
  machine.writeConfig(1, BAR0, second);
  t.equal(machine.readMemory(second), 0x2222_2222, 'the owner keeps them');
  t.equal(machine.readMemory(first), 0xffff_ffff);
  machine.writeConfig(2, BAR0, first);
  t.equal(machine.readMemory(first), 0x2222_2222);
  t.equal(machine.readMemory(second), 0x1111_1111, 'the two have changed places');
});

t.test('Bar tells where it is mapped', async (t) => {
  const machine = new PciMachine();
  const fn = createFunction('dev');
  const seen: (number | undefined)[] = [];
  fn.addBar(0, {
    kind: 'memory32',
    sizeBytes: 0x1000,
    device: constantDevice('dev', 0),
    onMapped: (address) => seen.push(address),
  });
  machine.root.add(fn);
  machine.writeConfig(1, BAR0, 0xe000_0000);
  machine.writeConfig(1, COMMAND, 0);
  t.strictSame(seen, [LOW_MMIO_START, undefined, 0xe000_0000, undefined]);
});

t.test('Bars stay apart and inside their windows whatever the guest writes', async (t) => {
  const interesting = fc.constantFrom(
    0,
    0xffff_ffff,
    LOW_MMIO_START,
    LOW_MMIO_START + 0x8000,
    0xf3ff_8000,
    0xf400_0000,
    0x4000_0000,
    0xc000,
    0xc021,
    1,
  );
  const step = fc.record({
    device: fc.integer({ min: 0, max: 6 }),
    register: fc.constantFrom(COMMAND, BAR0, BAR1, 0x18, 0x3c),
    value: fc.oneof(interesting, fc.nat(0xffff_ffff)),
  });
  holds(
    t,
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const machine = machineWith('memory32', 'memory64', 'io', 'memory32', 'memory64');
      for (const { device, register, value } of steps) {
        machine.writeConfig(device, register, value);
      }
      return [machine.memoryBus, machine.ioBus].every((bus) =>
        bus.ranges().every(({ start, end }, index, all) => {
          const next = all[index + 1];
          const isApart = next === undefined || end <= next.start;
          const isAllowed =
            bus === machine.ioBus
              ? start === 0xcf8 || (start >= 0xc000 && end <= 0x1_0000)
              : (start >= LOW_MMIO_START && end <= 0xf800_0000) ||
                (start >= HIGH_WINDOW.start && end <= HIGH_WINDOW.start + HIGH_WINDOW.sizeBytes);
          return isApart && isAllowed;
        }),
      );
    }),
  );
});
