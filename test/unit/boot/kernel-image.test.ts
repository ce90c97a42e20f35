import t from 'tap';
import { identifyKernel } from '../../../src/boot/kernel-image.ts';
import { buildBzImage, buildElf, memoryFile } from '../../support/boot-images.ts';

t.test('identifyKernel tells ELF from bzImage by content', async (t) => {
  t.equal(identifyKernel(memoryFile(buildElf({ entry: 0n, segments: [] }))), 'elf');
  t.equal(identifyKernel(memoryFile(buildBzImage())), 'bzimage');
});

t.test('identifyKernel says what a wrong file is and what would be right', async (t) => {
  const wrong: [number[], RegExp][] = [
    [[0x1f, 0x8b, 8, 0], /it is gzip data; give an uncompressed/],
    [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], /it is xz data/],
    [[0x28, 0xb5, 0x2f, 0xfd], /it is zstd data/],
    [[0x02, 0x21, 0x4c, 0x18], /it is LZ4 data/],
    [[0x51, 0x46, 0x49, 0xfb], /it is a qcow2 disk image/],
    [[], /neither an ELF file nor a bzImage/],
    [[0x4d, 0x5a], /neither an ELF file nor a bzImage/],
  ];
  for (const [bytes, message] of wrong) {
    t.throws(() => identifyKernel(memoryFile(Uint8Array.from(bytes))), {
      code: 'ERR_KERNEL_FORMAT',
      message,
    });
  }
});
