import t from 'tap';
import { loadKernel } from '../../../src/boot/load-kernel.ts';
import { buildBzImage, buildElf, memoryFile, pvhNote } from '../../support/boot-images.ts';
import { FakeBootMemory } from '../../support/boot-memory.ts';

const segments = [{ physicalAddress: 0x20_0000, content: Uint8Array.of(0xf4) }];
const vmlinux = memoryFile(buildElf({ entry: 0x20_0000n, segments }));
const initrd = memoryFile(new Uint8Array(100).fill(7), 'initrd');

t.test('loadKernel starts a vmlinux with a zero page of our own', async (t) => {
  const memory = FakeBootMemory.ofMib(8);
  const loaded = loadKernel({ memory, kernel: vmlinux, initrd, cmdline: 'quiet', rsdp: 0xe_0000 });
  t.same(loaded, { kind: 'linux64', entry: 0x20_0000, bootParams: 0x7000 });
  const page = memory.view(0x7000, 4096);
  t.equal(page.getUint16(0x1fe, true), 0xaa55, 'boot_flag');
  t.equal(page.getUint32(0x202, true), 0x5372_6448, 'HdrS');
  t.equal(page.getUint8(0x210), 0xff, 'type_of_loader');
  t.equal(page.getUint32(0x228, true), 0x2_0000, 'cmd_line_ptr');
  t.equal(page.getUint32(0x238, true), 2047, 'cmdline_size');
  t.equal(page.getUint32(0x218, true), 0x7f_f000, 'ramdisk_image');
  t.equal(page.getUint32(0x21c, true), 100, 'ramdisk_size');
  t.equal(page.getBigUint64(0x070, true), 0xe_0000n, 'acpi_rsdp_addr');
  t.equal(page.getUint32(0x230, true), 0x100_0000, 'kernel_alignment');
  t.same(memory.read(0x2_0000, 6), Buffer.from('quiet\0'));
});

t.test('loadKernel leaves the screen and the sentinel of the zero page at zero', async (t) => {
  const memory = FakeBootMemory.ofMib(8);
  loadKernel({ memory, kernel: vmlinux, cmdline: '' });
  t.same(memory.read(0x7000, 0x40), new Uint8Array(0x40), 'screen_info');
  t.equal(memory.view(0x7000 + 0x1ef, 1).getUint8(0), 0, 'sentinel');
  t.equal(memory.view(0x7000 + 0x21c, 4).getUint32(0, true), 0, 'no initrd');
});

t.test('loadKernel hands over the memory map', async (t) => {
  const memory = FakeBootMemory.ofMib(8);
  loadKernel({ memory, kernel: vmlinux, cmdline: '' });
  const page = memory.view(0x7000, 4096);
  t.equal(page.getUint8(0x1e8), 5, 'e820_entries');
  t.equal(page.getBigUint64(0x2d0 + 40, true), 0x10_0000n, 'third entry: RAM from 1 MiB');
  t.equal(page.getBigUint64(0x2d0 + 48, true), 7n * 1024n * 1024n);
  t.equal(page.getUint32(0x2d0 + 56, true), 1);
});

t.test('loadKernel passes a fresh random seed', async (t) => {
  const memory = FakeBootMemory.ofMib(8);
  const seeds = [1, 2].map(() => {
    loadKernel({ memory, kernel: vmlinux, cmdline: '' });
    const node = memory.view(Number(memory.view(0x7000, 4096).getBigUint64(0x250, true)), 16);
    t.equal(node.getBigUint64(0, true), 0n, 'next');
    t.equal(node.getUint32(8, true), 9, 'SETUP_RNG_SEED');
    t.equal(node.getUint32(12, true), 256, 'len');
    return Buffer.from(memory.read(0x2_0810, 256)).toString('hex');
  });
  t.not(seeds[0], seeds[1]);
});

t.test('loadKernel keeps the setup header of a bzImage and its limits', async (t) => {
  const memory = FakeBootMemory.ofMib(32);
  const kernel = memoryFile(buildBzImage({ initrdAddrMax: 0x17f_ffff, cmdlineSize: 10 }));
  const loaded = loadKernel({ memory, kernel, initrd, cmdline: 'a' });
  t.same(loaded, { kind: 'linux64', entry: 0x20_0200, bootParams: 0x7000 });
  const page = memory.view(0x7000, 4096);
  t.equal(page.getUint16(0x206, true), 0x020f, 'version');
  t.equal(page.getUint32(0x230, true), 0x20_0000, 'kernel_alignment');
  t.equal(page.getUint32(0x260, true), 0x10_0000, 'init_size');
  t.equal(page.getUint32(0x218, true), 0x17f_f000, 'initrd below initrd_addr_max');
  t.throws(() => loadKernel({ memory, kernel, cmdline: 'x'.repeat(11) }), {
    code: 'ERR_CMDLINE_TOO_LONG',
  });
});

t.test('loadKernel gives a PVH kernel its start info', async (t) => {
  const memory = FakeBootMemory.ofMib(8);
  const kernel = memoryFile(buildElf({ entry: 0n, segments, notes: pvhNote(0x20_0000) }));
  const loaded = loadKernel({ memory, kernel, initrd, cmdline: 'x', rsdp: 0xe_0000 });
  t.same(loaded, { kind: 'pvh32', entry: 0x20_0000, startInfo: 0x6000 });
  const info = memory.view(0x6000, 56);
  t.equal(info.getUint32(0, true), 0x336e_c578, 'magic');
  t.equal(info.getUint32(4, true), 1, 'version');
  t.equal(info.getUint32(12, true), 1, 'nr_modules');
  t.equal(info.getBigUint64(24, true), 0x2_0000n, 'cmdline_paddr');
  t.equal(info.getBigUint64(32, true), 0xe_0000n, 'rsdp_paddr');
  t.equal(info.getUint32(48, true), 5, 'memmap_entries');
  const module = memory.view(Number(info.getBigUint64(16, true)), 32);
  t.equal(module.getBigUint64(0, true), 0x7f_f000n, 'module address');
  t.equal(module.getBigUint64(8, true), 100n, 'module size');
  const third = memory.view(Number(info.getBigUint64(40, true)) + 2 * 24, 24);
  t.equal(third.getBigUint64(0, true), 0x10_0000n);
  t.equal(third.getUint32(16, true), 1, 'RAM');
});

t.test('loadKernel gives a PVH kernel without initrd no module', async (t) => {
  const memory = FakeBootMemory.ofMib(8);
  const kernel = memoryFile(buildElf({ entry: 0n, segments, notes: pvhNote(0x20_0000) }));
  loadKernel({ memory, kernel, cmdline: '' });
  const info = memory.view(0x6000, 56);
  t.equal(info.getUint32(12, true), 0);
  t.equal(info.getBigUint64(16, true), 0n);
});
