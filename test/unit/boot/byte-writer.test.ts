import fc from 'fast-check';
import t from 'tap';
import { ByteWriter, checksumOf } from '../../../src/boot/byte-writer.ts';
import { byteSum } from '../../support/boot-platform.ts';

t.test('ByteWriter writes little-endian fields in order', async (t) => {
  const bytes = new ByteWriter().u8(1).u16(0x203).u32(0x4050607).u64(0x8_090a_0b0c).finish();
  t.same(bytes, Uint8Array.of(1, 3, 2, 7, 6, 5, 4, 0x0c, 0x0b, 0x0a, 0x09, 8, 0, 0, 0));
});

t.test('ByteWriter pads text and patches what was written', async (t) => {
  const writer = new ByteWriter().ascii('ab', 4).u16(0).u32(0);
  writer.patchU8(0, 0x41).patchU16(4, 0x1234).patchU32(6, 0x89ab_cdef);
  t.same(writer.finish(), Uint8Array.of(0x41, 0x62, 0, 0, 0x34, 0x12, 0xef, 0xcd, 0xab, 0x89));
});

t.test('ByteWriter grows past its first buffer', async (t) => {
  const data = new Uint8Array(1000).fill(5);
  t.same(new ByteWriter().u8(1).bytes(data).u8(2).finish(), Buffer.from([1, ...data, 2]));
});

t.test('ByteWriter refuses values that do not fit and patches outside', async (t) => {
  const failure = { code: 'ERR_ASSERT' };
  t.throws(() => new ByteWriter().u8(256), failure);
  t.throws(() => new ByteWriter().u16(-1), failure);
  t.throws(() => new ByteWriter().u32(2 ** 32), failure);
  t.throws(() => new ByteWriter().u64(2 ** 53), failure);
  t.throws(() => new ByteWriter().u8(1.5), failure);
  t.throws(() => new ByteWriter().ascii('abc', 2), failure);
  t.throws(() => new ByteWriter().u8(0).patchU16(0, 1), failure);
  t.throws(() => new ByteWriter().u16(0).patchU32(0, 1), failure);
  t.throws(() => new ByteWriter().patchU8(0, 1), failure);
});

t.test('checksumOf makes the sum of all bytes zero', async (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      (bytes) => byteSum(Uint8Array.of(...bytes, checksumOf(bytes))) === 0,
    ),
  );
  t.equal(checksumOf(Uint8Array.of()), 0);
});
