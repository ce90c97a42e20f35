import t from 'tap';
import { loadBzImage, parseBzImage } from '../../../src/boot/bzimage.ts';
import { buildBzImage, memoryFile } from '../../support/boot-images.ts';
import { FakeBootMemory } from '../../support/boot-memory.ts';

const MIB = 1024 * 1024;

t.test('parseBzImage reads what the header says of sizes and limits', async (t) => {
  const image = parseBzImage(
    memoryFile(buildBzImage({ setupSects: 3, initrdAddrMax: 0x1234_5678, cmdlineSize: 1000 })),
  );
  t.match(image, {
    payloadOffset: 4 * 512,
    payloadBytes: 0x1000,
    initrdAddressMax: 0x1234_5678,
    cmdlineMaxBytes: 1000,
  });
  t.equal(image.setupHeader.length, 0x26c - 0x1f1);
});

t.test('parseBzImage fills in what a header leaves at zero', async (t) => {
  const image = parseBzImage(
    memoryFile(buildBzImage({ setupSects: 0, initrdAddrMax: 0, cmdlineSize: 0 })),
  );
  t.match(image, {
    payloadOffset: 5 * 512,
    initrdAddressMax: 0x37ff_ffff,
    cmdlineMaxBytes: 255,
  });
});

t.test(
  'parseBzImage takes a relocatable kernel to 2 MiB, another to its own address',
  async (t) => {
    const relocatable = parseBzImage(memoryFile(buildBzImage()));
    const fixed = parseBzImage(memoryFile(buildBzImage({ relocatable: 0 })));
    t.equal(relocatable.loadAddress, 0x20_0000);
    t.equal(fixed.loadAddress, 0x100_0000);
  },
);

t.test('parseBzImage reckons the memory that a kernel decompresses into', async (t) => {
  const end = (spec: Parameters<typeof buildBzImage>[0]) =>
    parseBzImage(memoryFile(buildBzImage(spec))).memoryEnd;
  t.equal(end({ initSize: 0x20_0000 }), 0x120_0000, 'from pref_address, above the load address');
  t.equal(
    end({ prefAddress: MIB, initSize: 0x20_0000, alignment: 0x40_0000 }),
    0x60_0000,
    'from the load address, aligned',
  );
  t.equal(end({ prefAddress: MIB, initSize: 16 }), 0x20_1000, 'never less than the file');
});

t.test('parseBzImage refuses bad headers, each fault with its own code', async (t) => {
  const faults: [string, Uint8Array, RegExp][] = [
    ['ERR_KERNEL_BZIMAGE_VERSION', buildBzImage({ version: 0x020b }), /protocol is 2\.11/],
    ['ERR_KERNEL_BZIMAGE_32BIT', buildBzImage({ xloadflags: 0x7e }), /no 64-bit entry/],
    ['ERR_KERNEL_BZIMAGE_32BIT', buildBzImage({ loadflags: 0 }), /no 64-bit entry/],
    ['ERR_KERNEL_BZIMAGE_HEADER', buildBzImage({ jumpBytes: 0x61 }), /ends at 0x263/],
    ['ERR_KERNEL_BZIMAGE_HEADER', buildBzImage({ jumpBytes: 0x8f }), /ends at 0x291/],
    ['ERR_KERNEL_BZIMAGE_HEADER', buildBzImage({ alignment: 0 }), /alignment 0x0/],
    ['ERR_KERNEL_BZIMAGE_HEADER', buildBzImage({ alignment: 0x30_0000 }), /0x300000/],
    ['ERR_KERNEL_BZIMAGE_HEADER', buildBzImage({ prefAddress: 0x1000 }), /address 0x1000/],
    ['ERR_KERNEL_BZIMAGE_HEADER', buildBzImage({ prefAddress: 2 ** 32 }), /0x100000000/],
    ['ERR_KERNEL_BZIMAGE_SIZE', buildBzImage({ payload: new Uint8Array(0x200) }), /512 bytes/],
    ['ERR_KERNEL_BZIMAGE_SIZE', buildBzImage().subarray(0, 0x1000), /it has 4096 bytes/],
    ['ERR_KERNEL_TRUNCATED', buildBzImage().subarray(0, 0x240), /it has 576 bytes/],
    ['ERR_KERNEL_TRUNCATED', buildBzImage().subarray(0, 0x201), /it has 513 bytes/],
  ];
  for (const [code, bytes, message] of faults) {
    t.throws(() => parseBzImage(memoryFile(bytes)), { code, message });
  }
});

t.test('loadBzImage loads the protected-mode part only, for the 64-bit entry', async (t) => {
  const memory = FakeBootMemory.ofMib(32);
  const payload = new Uint8Array(0x400).map((_, index) => index % 251);
  // A signature follows the kernel in signed files; it is not loaded.
  const signed = Buffer.concat([buildBzImage({ payload }), Buffer.alloc(64, 0xee)]);
  const file = memoryFile(signed);
  const placed = loadBzImage(file, parseBzImage(file), memory);
  t.match(placed, { kind: 'linux64', entry: 0x20_0200, start: 0x20_0000, end: 0x110_0000 });
  t.same(memory.read(0x20_0000, 0x400), payload);
  t.same(memory.read(0x20_0400, 64), new Uint8Array(64));
});

t.test('loadBzImage says how much memory a kernel needs', async (t) => {
  const file = memoryFile(buildBzImage({ initSize: 0x80_0001 }));
  t.throws(() => loadBzImage(file, parseBzImage(file), FakeBootMemory.ofMib(24)), {
    code: 'ERR_KERNEL_MEMORY',
    message: /needs RAM up to 25 MiB .* ends at 24 MiB; use --mem 25 or more/,
  });
  t.equal(loadBzImage(file, parseBzImage(file), FakeBootMemory.ofMib(25)).start, 0x20_0000);
});
