import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { loadPart, OpenBootFile, readPart } from '../../../src/boot/boot-file.ts';
import { memoryFile } from '../../support/boot-images.ts';
import { FakeBootMemory } from '../../support/boot-memory.ts';

t.test('OpenBootFile.open reads at offsets and closes what it opened', async (t) => {
  const path = join(t.testdir({ kernel: 'abcdef' }), 'kernel');
  const file = OpenBootFile.open('kernel', path);
  t.equal(file.sizeBytes, 6);
  t.same(readPart(file, 2, 3, 'part'), Buffer.from('cde'));
  file[Symbol.dispose]();
  t.throws(() => file.readAt(new Uint8Array(1), 0), { code: 'ERR_KERNEL_READ' });
});

t.test('OpenBootFile.borrow leaves the descriptor to its owner', async (t) => {
  const fd = openSync(join(t.testdir({ initrd: 'abc' }), 'initrd'), 'r');
  OpenBootFile.borrow('initrd', fd, 'fd 5')[Symbol.dispose]();
  t.same(readPart(OpenBootFile.borrow('initrd', fd, 'fd 5'), 0, 3, 'part'), Buffer.from('abc'));
  closeSync(fd);
});

t.test('OpenBootFile.open names the role and the path of what it cannot open', async (t) => {
  t.throws(() => OpenBootFile.open('kernel', '/nonexistent/vmlinux'), {
    code: 'ERR_KERNEL_OPEN',
    message: /^kernel \/nonexistent\/vmlinux: it cannot be opened; give/,
    cause: { code: 'ENOENT' },
  });
  t.throws(() => OpenBootFile.open('initrd', '/nonexistent/initrd'), { code: 'ERR_INITRD_OPEN' });
});

t.test('OpenBootFile.open refuses what is not a regular file', async (t) => {
  t.throws(() => OpenBootFile.open('kernel', t.testdir()), {
    code: 'ERR_KERNEL_NOT_FILE',
    message: /not a regular file/,
  });
  t.throws(() => OpenBootFile.open('initrd', '/dev/null'), { code: 'ERR_INITRD_NOT_FILE' });
});

t.test('loadPart fills guest memory across the border of two views', async (t) => {
  // Adjacent regions stand for the views that a long range of RAM is mapped by.
  const memory = new FakeBootMemory([
    { start: 0, sizeBytes: 4 },
    { start: 4, sizeBytes: 4 },
  ]);
  const file = memoryFile(Uint8Array.of(9, 1, 2, 3, 4, 9));
  loadPart(file, { offset: 1, sizeBytes: 4, what: 'part' }, memory, 2);
  t.same(memory.read(0, 4), Uint8Array.of(0, 0, 1, 2));
  t.same(memory.read(4, 4), Uint8Array.of(3, 4, 0, 0));
});

t.test('readPart notices a file that became shorter after it was opened', async (t) => {
  const shrunk = { ...memoryFile(new Uint8Array(4)), sizeBytes: 100 };
  t.throws(() => readPart(shrunk, 0, 10, 'header'), {
    code: 'ERR_KERNEL_TRUNCATED',
    message: /its header would end at 10/,
  });
});
