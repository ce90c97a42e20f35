import t from 'tap';
import {
  array,
  decodeStruct,
  encodeStruct,
  nested,
  struct,
  u8,
  u16,
  u32,
  u64,
} from '../../../src/base/struct.ts';

const INNER = struct('struct inner', 8, { low: u16(0), high: u32(4) });
const OUTER = struct('struct outer', 40, {
  tag: u8(0),
  inner: nested(8, INNER),
  address: u64(16),
  words: array(24, 4, 4),
});

function dirtyView(): DataView {
  return new DataView(new Uint8Array(64).fill(0xff).buffer);
}

t.test('encodeStruct writes little-endian fields and zeroes everything else', async (t) => {
  const view = dirtyView();
  encodeStruct(OUTER, view, 8, { tag: 1, inner: { high: 0x11223344 }, address: 0x1_0000_0002 });
  const bytes = new Uint8Array(view.buffer);
  t.same([...bytes.subarray(0, 8)], Array(8).fill(0xff), 'nothing before the structure');
  t.same([...bytes.subarray(8, 16)], [1, 0, 0, 0, 0, 0, 0, 0]);
  t.same([...bytes.subarray(16, 24)], [0, 0, 0, 0, 0x44, 0x33, 0x22, 0x11]);
  t.same([...bytes.subarray(24, 32)], [2, 0, 0, 0, 1, 0, 0, 0]);
  t.same([...bytes.subarray(32, 48)], Array(16).fill(0));
  t.same([...bytes.subarray(48)], Array(16).fill(0xff), 'nothing after the structure');
});

t.test('decodeStruct gives back what encodeStruct wrote', async (t) => {
  const view = dirtyView();
  const value = {
    tag: 255,
    inner: { low: 0xfffe, high: 0xffff_fffd },
    address: 0xffff_ffff_ffff_fffcn,
    words: [1, 2, 3, 0xffff_ffff],
  };
  encodeStruct(OUTER, view, 0, value);
  t.same(decodeStruct(OUTER, view), value);
});

t.test('encodeStruct cuts a list that is longer than its field', async (t) => {
  const view = dirtyView();
  encodeStruct(OUTER, view, 0, { words: [1, 2, 3, 4, 5] });
  t.equal(view.getUint32(40, true), 0xffff_ffff);
});
