import fc from 'fast-check';
import t from 'tap';
import {
  buffer,
  device,
  eisaId,
  integer,
  name,
  nameString,
  pkg,
  scope,
  string,
  withLength,
} from '../../../../src/boot/acpi/aml.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);
const text = (value: string) => [...Buffer.from(value)];

t.test('integer takes the shortest form', async (t) => {
  const forms: [number, number[]][] = [
    [0, [0x00]],
    [1, [0x01]],
    [2, [0x0a, 2]],
    [0xff, [0x0a, 0xff]],
    [0x100, [0x0b, 0x00, 0x01]],
    [0xffff, [0x0b, 0xff, 0xff]],
    [0x1_0000, [0x0c, 0, 0, 1, 0]],
    [0xffff_ffff, [0x0c, 0xff, 0xff, 0xff, 0xff]],
    [2 ** 32, [0x0e, 0, 0, 0, 0, 1, 0, 0, 0]],
  ];
  for (const [value, expected] of forms) {
    t.same(integer(value), bytes(...expected), `${value}`);
  }
});

t.test('eisaId packs letters and digits as the specification does', async (t) => {
  t.same(eisaId('PNP0A03'), bytes(0x0c, 0x41, 0xd0, 0x0a, 0x03));
  t.throws(() => eisaId('pnp0a03'), { code: 'ERR_ASSERT' });
  t.throws(() => eisaId('QEMU0001'), { code: 'ERR_ASSERT' });
});

t.test('nameString pads segments and prefixes paths by their length', async (t) => {
  t.same(nameString('_SB'), bytes(...text('_SB_')));
  t.same(nameString('\\_S5'), bytes(...text('\\_S5_')));
  t.same(nameString('_SB.PCI0'), bytes(0x2e, ...text('_SB_PCI0')));
  t.same(nameString('\\A.B.C'), bytes(0x5c, 0x2f, 3, ...text('A___B___C___')));
  for (const wrong of ['', 'TOOLONG', 'a', '1A', 'A..B', 'A.']) {
    t.throws(() => nameString(wrong), { code: 'ERR_ASSERT' }, `'${wrong}'`);
  }
});

t.test('name, pkg, buffer, string, device and scope begin with their opcodes', async (t) => {
  t.same(name('_UID', integer(3)), bytes(0x08, ...text('_UID'), 0x0a, 3));
  t.same(pkg(integer(0), integer(1)), bytes(0x12, 4, 2, 0, 1));
  t.same(buffer(bytes(9, 8)), bytes(0x11, 5, 0x0a, 2, 9, 8));
  t.same(string('Hi'), bytes(0x0d, 0x48, 0x69, 0));
  t.same(device('DEV0'), bytes(0x5b, 0x82, 5, ...text('DEV0')));
  t.same(scope('\\_SB'), bytes(0x10, 6, ...text('\\_SB_')));
  t.throws(() => string('\0'), { code: 'ERR_ASSERT' });
  t.throws(() => pkg(...Array.from({ length: 256 }, () => integer(0))), { code: 'ERR_ASSERT' });
});

/** Reads a PkgLength back: its value and how many bytes it takes. */
function decodeLength(encoded: Uint8Array): { total: number; sizeBytes: number } {
  const lead = encoded[0] ?? 0;
  const extra = lead >> 6;
  if (extra === 0) {
    return { total: lead, sizeBytes: 1 };
  }
  const rest = encoded.subarray(1, 1 + extra);
  const total = rest.reduce((sum, byte, i) => sum + byte * 2 ** (4 + 8 * i), lead & 0xf);
  return { total, sizeBytes: 1 + extra };
}

t.test('withLength counts itself, at every change of width', async (t) => {
  const expectations: [number, number][] = [
    [0, 1],
    [62, 1],
    [63, 2],
    [0xfff - 2, 2],
    [0x1000 - 2, 3],
    [0xf_ffff - 3, 3],
    [0x10_0000 - 3, 4],
  ];
  for (const [length, sizeBytes] of expectations) {
    const encoded = withLength(new Uint8Array(length));
    t.same(decodeLength(encoded), { total: encoded.length, sizeBytes }, `${length} bytes`);
  }
});

t.test('withLength can be read back for any body', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 70_000 }), (length) => {
      const encoded = withLength(new Uint8Array(length));
      const { total, sizeBytes } = decodeLength(encoded);
      return total === encoded.length && encoded.length === sizeBytes + length;
    }),
  );
  t.pass('up to 70,000 bytes');
});
