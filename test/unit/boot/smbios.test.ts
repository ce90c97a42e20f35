import t from 'tap';
import { writeSmbios } from '../../../src/boot/smbios.ts';
import { FakeBootMemory } from '../../support/boot-memory.ts';
import { byteSum, textAt, viewOf } from '../../support/boot-platform.ts';

function written() {
  const memory = FakeBootMemory.ofMib(1);
  const address = writeSmbios(memory);
  const entryPoint = memory.read(address, 24);
  const view = viewOf(entryPoint);
  const start = Number(view.getBigUint64(16, true));
  return { address, entryPoint, start, structures: memory.read(start, view.getUint32(12, true)) };
}

t.test('writeSmbios puts a 3.2 entry point at 0xf0000', async (t) => {
  const { address, entryPoint } = written();
  t.equal(address, 0xf_0000);
  t.equal(textAt(entryPoint, 0, 5), '_SM3_');
  t.same([...entryPoint.subarray(6, 12)], [24, 3, 2, 0, 1, 0]);
  t.equal(byteSum(entryPoint), 0);
});

t.test('writeSmbios names the maker, the machine and its BIOS', async (t) => {
  const { structures } = written();
  t.equal(structures[0], 0, 'BIOS information');
  t.equal(structures[1], 20);
  t.equal(textAt(structures, 20, 10), 'crosvm\x000\0\0');
  t.equal(viewOf(structures).getUint8(19) & 0x10, 0x10, 'is a virtual machine');
  const system = structures.subarray(30);
  t.equal(system[0], 1, 'system information');
  t.equal(system[1], 27);
  t.same([...system.subarray(4, 8)], [1, 2, 0, 0]);
  t.equal(textAt(system, 27, 19), 'ChromiumOS\0crosvm\0\0');
});

t.test('writeSmbios ends with an end-of-table structure', async (t) => {
  const { structures } = written();
  t.same([...structures.subarray(-6)], [127, 4, 3, 0, 0, 0]);
});
