import t from 'tap';
import {
  busWindow,
  fixedMemory,
  ioPorts,
  ioWindow,
  isaIrq,
  memoryWindow32,
  memoryWindow64,
  resourceTemplate,
} from '../../../../src/boot/acpi/resources.ts';

/** Compares bytes with hexadecimal digits, in which spaces set fields apart. */
function same(t: { equal(a: unknown, b: unknown): unknown }, bytes: Uint8Array, digits: string) {
  t.equal(Buffer.from(bytes).toString('hex'), digits.replaceAll(' ', ''));
}

t.test('small descriptors have the form of ACPI 6.5 §6.4.2', async (t) => {
  same(t, ioPorts(0x3f8, 8), '47 01 f803 f803 01 08');
  same(t, isaIrq(4), '22 1000');
  same(t, isaIrq(15), '22 0080');
});

t.test('fixedMemory has the form of ACPI 6.5 §6.4.3.4', async (t) => {
  const range = { start: 0xf400_0000, sizeBytes: 0x400_0000 };
  same(t, fixedMemory(range), '86 0900 01 000000f4 00000004');
});

t.test('busWindow and ioWindow give first, last and count', async (t) => {
  same(t, busWindow(64), '88 0d00 02 0c 00 0000 0000 3f00 0000 4000');
  same(t, ioWindow(0xd00, 0x1_0000), '88 0d00 01 0c 03 0000 000d ffff 0000 00f3');
});

t.test('memoryWindow32 and memoryWindow64 give first, last and size', async (t) => {
  const low = { start: 0xd000_0000, sizeBytes: 0x2400_0000 };
  const high = { start: 2 ** 33, sizeBytes: 2 ** 36 };
  const zero = '0000000000000000';
  same(t, memoryWindow32(low), '87 1700 00 0c 01 00000000 000000d0 fffffff3 00000000 00000024');
  same(
    t,
    memoryWindow64(high),
    `8a 2b00 00 0c 01 ${zero} 0000000002000000 ffffffff11000000 ${zero} 0000000010000000`,
  );
});

t.test('memoryWindow32 asserts that it ends by 4 GiB', async (t) => {
  const range = { start: 0xf000_0000, sizeBytes: 0x1000_0000 };
  t.equal(memoryWindow32(range).length, 26);
  t.throws(() => memoryWindow32({ ...range, sizeBytes: 0x1000_0001 }), { code: 'ERR_ASSERT' });
});

t.test('resourceTemplate is a buffer that ends with an end tag', async (t) => {
  same(t, resourceTemplate(isaIrq(1)), '11 08 0a05 220200 7900');
});
