import t from 'tap';
import { loadInitrd } from '../../../src/boot/initrd.ts';
import { memoryFile } from '../../support/boot-images.ts';
import { FakeBootMemory } from '../../support/boot-memory.ts';

const MIB = 1024 * 1024;
const image = new Uint8Array(5000).map((_, index) => (index * 7) % 256);
const file = memoryFile(image, 'initrd');

t.test('loadInitrd goes to the highest page that fits below the end of RAM', async (t) => {
  const memory = FakeBootMemory.ofMib(8);
  const placed = loadInitrd(file, memory, { kernelEnd: 2 * MIB, addressMax: 0x37ff_ffff });
  t.same(placed, { start: 8 * MIB - 0x2000, sizeBytes: 5000 });
  t.same(memory.read(placed.start, 5000), image);
});

t.test('loadInitrd stays at or below the address that the kernel allows', async (t) => {
  const memory = FakeBootMemory.ofMib(8);
  const bounds = { kernelEnd: 2 * MIB, addressMax: 4 * MIB - 1 };
  t.equal(loadInitrd(file, memory, bounds).start, 4 * MIB - 0x2000);
});

t.test('loadInitrd never uses RAM above 4 GiB', async (t) => {
  const memory = new FakeBootMemory([
    { start: 0, sizeBytes: 4 * MIB },
    { start: 2 ** 32, sizeBytes: MIB },
  ]);
  const bounds = { kernelEnd: 2 * MIB, addressMax: 2 ** 40 };
  t.equal(loadInitrd(file, memory, bounds).start, 4 * MIB - 0x2000);
});

t.test('loadInitrd may touch the kernel but not overlap it', async (t) => {
  const memory = FakeBootMemory.ofMib(8);
  const addressMax = 0x37ff_ffff;
  const free = 8 * MIB - 0x2000;
  t.equal(loadInitrd(file, memory, { kernelEnd: free, addressMax }).start, free);
  t.throws(() => loadInitrd(file, memory, { kernelEnd: free + 1, addressMax }), {
    code: 'ERR_INITRD_NO_ROOM',
    message: /^initrd \/test\/initrd: it has 5000 bytes, but only 8191 are free/,
  });
});

t.test('loadInitrd refuses an empty file', async (t) => {
  const bounds = { kernelEnd: 2 * MIB, addressMax: 0x37ff_ffff };
  t.throws(
    () => loadInitrd(memoryFile(new Uint8Array(0), 'initrd'), FakeBootMemory.ofMib(8), bounds),
    { code: 'ERR_INITRD_EMPTY', message: /it is empty; give an initrd/ },
  );
});
