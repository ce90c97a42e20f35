import t from 'tap';
import { buildCmdline, writeCmdline } from '../../../src/boot/cmdline.ts';
import { FakeBootMemory } from '../../support/boot-memory.ts';

t.test('buildCmdline puts the user last', async (t) => {
  t.equal(
    buildCmdline({ console: 'ttyS0', root: 'root=/dev/vda ro', params: ['quiet', 'panic=5'] }),
    'console=ttyS0 reboot=k panic=-1 root=/dev/vda ro quiet panic=5',
  );
});

t.test('buildCmdline needs neither console nor root nor parameters', async (t) => {
  t.equal(buildCmdline({}), 'reboot=k panic=-1');
});

t.test('writeCmdline ends the line with a NUL at 0x20000', async (t) => {
  const memory = FakeBootMemory.ofMib(1);
  memory.write(0x2_0000, new Uint8Array(16).fill(0xff));
  t.equal(writeCmdline(memory, 'a=b', 2047), 0x2_0000);
  t.same(memory.read(0x2_0000, 4), Buffer.from('a=b\0'));
});

t.test('writeCmdline takes 2047 bytes and refuses 2048', async (t) => {
  const memory = FakeBootMemory.ofMib(1);
  t.equal(writeCmdline(memory, 'x'.repeat(2047), 0xffff_ffff), 0x2_0000);
  t.equal(memory.view(0x2_0000 + 2047, 1).getUint8(0), 0);
  t.throws(() => writeCmdline(memory, 'x'.repeat(2048), 0xffff_ffff), {
    code: 'ERR_CMDLINE_TOO_LONG',
    message: /has 2048 bytes, but this kernel takes 2047; shorten --params/,
  });
});

t.test('writeCmdline counts bytes, not characters, against the limit of the kernel', async (t) => {
  const memory = FakeBootMemory.ofMib(1);
  t.equal(writeCmdline(memory, 'ééé', 6), 0x2_0000);
  t.throws(() => writeCmdline(memory, 'éééé', 7), {
    code: 'ERR_CMDLINE_TOO_LONG',
    message: /has 8 bytes, but this kernel takes 7/,
  });
});

t.test('writeCmdline refuses a NUL inside the line', async (t) => {
  t.throws(() => writeCmdline(FakeBootMemory.ofMib(1), 'a\0b', 2047), {
    code: 'ERR_CMDLINE_NUL',
    message: /--params/,
  });
});
