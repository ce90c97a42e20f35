import t from 'tap';
import { AddressAllocator } from '../../../src/memory/address-allocator.ts';

t.test('AddressAllocator.allocate goes upwards and aligns', async (t) => {
  const allocator = new AddressAllocator('BARs', 0x1_0000_1000, 0x10_0000);
  t.equal(allocator.allocate(0x1000, 0x1000), 0x1_0000_1000);
  t.equal(allocator.allocate(0x8000, 0x8000), 0x1_0000_8000);
  t.equal(allocator.allocate(0x10, 0x10), 0x1_0001_0000);
});

t.test(
  'AddressAllocator.allocate fills its window to the end and says when it is full',
  async (t) => {
    const allocator = new AddressAllocator('I/O BARs', 0xc000, 0x40);
    allocator.allocate(0x40, 0x40);
    t.throws(() => allocator.allocate(4, 4), {
      code: 'ERR_ADDRESS_SPACE_FULL',
      message: 'the address window of I/O BARs has no room for 4 bytes more; use fewer devices',
    });
  },
);
