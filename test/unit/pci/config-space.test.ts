import fc from 'fast-check';
import t from 'tap';
import type { AccessSize } from '../../../src/bus/bus-device.ts';
import { ConfigSpace } from '../../../src/pci/config-space.ts';
import { PCIE_CONFIG_BYTES, TYPE0_HEADER } from '../../../src/pci/registers.ts';
import { holds } from '../../support/property.ts';

const ONES: Readonly<Record<AccessSize, number>> = { 1: 0xff, 2: 0xffff, 4: 0xffff_ffff };

for (const register of TYPE0_HEADER) {
  t.test(`ConfigSpace keeps the ${register.name} register to its masks`, async (t) => {
    const config = new ConfigSpace();
    const initial = 0x5a5a_5a5a & ONES[register.width];
    config.set(register.offset, register.width, initial);
    const writable = register.writable ?? 0;
    const cleared = register.writeOneToClear ?? 0;
    config.write(register.offset, register.width, ONES[register.width]);
    t.equal(
      config.read(register.offset, register.width),
      ((initial & ~writable) | writable) & ~cleared,
      'after all ones',
    );
    config.write(register.offset, register.width, 0);
    t.equal(
      config.read(register.offset, register.width),
      initial & ~writable & ~cleared,
      'after all zeros',
    );
  });
}

t.test('ConfigSpace.write reaches single bytes of a register', async (t) => {
  const config = new ConfigSpace();
  config.setWritable(0x40, 4, 0xffff_ffff);
  config.write(0x41, 1, 0xab);
  config.write(0x42, 2, 0x1234);
  t.equal(config.read(0x40, 4), 0x1234_ab00);
});

t.test(
  'ConfigSpace calls hooks for accesses that touch their range, and for no others',
  async (t) => {
    const config = new ConfigSpace();
    const calls: string[] = [];
    config.hook(0x40, 4, {
      beforeRead: (offset, size) => {
        calls.push(`read ${offset} ${size}`);
        config.set(0x40, 4, 7);
      },
      afterWrite: (offset, size) => calls.push(`write ${offset} ${size}`),
    });
    t.equal(config.read(0x40, 4), 7);
    config.read(0x3f, 1);
    config.read(0x44, 4);
    config.write(0x3e, 4, 0);
    t.strictSame(calls, ['read 64 4', 'write 62 4']);
  },
);

t.test('ConfigSpace takes any access and changes only writable bits', async (t) => {
  const access = fc.record({
    offset: fc.integer({ min: -4, max: PCIE_CONFIG_BYTES + 4 }),
    size: fc.constantFrom<AccessSize>(1, 2, 4),
    value: fc.nat(0xffff_ffff),
  });
  holds(
    t,
    fc.property(fc.array(access), (accesses) => {
      const config = new ConfigSpace();
      config.set(0, 4, 0x1044_1af4);
      config.set(8, 4, 0x0880_0001);
      for (const { offset, size, value } of accesses) {
        config.write(offset, size, value % 2 ** (8 * size));
        const read = config.read(offset, size);
        if (read < 0 || read >= 2 ** (8 * size)) {
          return false;
        }
      }
      return config.read(0, 4) === 0x1044_1af4 && config.read(8, 4) === 0x0880_0001;
    }),
  );
});
