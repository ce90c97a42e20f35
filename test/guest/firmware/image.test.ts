/** The small guest's image is what boot protocols expect: Linux's 64-bit one and PVH. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { smallGuestImage } from '../../support/small-guest.ts';

const LOAD_ADDRESS = 0x200000;
/** Linux's 64-bit boot protocol: the entry lies this far above the load address. */
const ENTRY_OFFSET = 0x200;
const PT_LOAD = 1;
const PT_NOTE = 4;
const XEN_ELFNOTE_PHYS32_ENTRY = 18;

const image = readFileSync(smallGuestImage());

/** Program headers: type, offset in the file, physical address. */
function segments(): { type: number; offset: number; address: number }[] {
  const table = Number(image.readBigUInt64LE(32));
  const size = image.readUInt16LE(54);
  return Array.from({ length: image.readUInt16LE(56) }, (_, index) => {
    const at = table + index * size;
    const offset = Number(image.readBigUInt64LE(at + 8));
    const address = Number(image.readBigUInt64LE(at + 24));
    return { type: image.readUInt32LE(at), offset, address };
  });
}

t.test('the image is one segment at 2 MiB, entered 0x200 above', async (t) => {
  const loads = segments().filter(({ type }) => type === PT_LOAD);
  t.strictSame(
    loads.map(({ address }) => address),
    [LOAD_ADDRESS],
  );
  t.equal(Number(image.readBigUInt64LE(24)), LOAD_ADDRESS + ENTRY_OFFSET);
});

t.test('the image has a PVH note that names the 32-bit entry', async (t) => {
  const [note] = segments().filter(({ type }) => type === PT_NOTE);
  const at = note?.offset ?? 0;
  t.equal(image.readUInt32LE(at + 8), XEN_ELFNOTE_PHYS32_ENTRY);
  t.equal(image.toString('latin1', at + 12, at + 16), 'Xen\0');
  t.equal(image.readUInt32LE(at + 16), LOAD_ADDRESS);
});
