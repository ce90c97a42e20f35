import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  loadedObjects,
  mappedExecutables,
  readSharedObject,
  resolveLibraries,
  type SharedObject,
} from '../../../src/jail/shared-objects.ts';

function object(path: string, soname: string | undefined, needed: readonly string[]): SharedObject {
  return { path, soname, needed, interpreter: undefined };
}

t.test('readSharedObject reads what the running Node needs', async (t) => {
  const node = readSharedObject(process.execPath);
  t.match(node.interpreter, /^\/.*ld-(linux|musl)/);
  t.ok(node.needed.some((name) => /^libc\./.test(name)));
});

t.test('readSharedObject finds the libraries that are mapped under their own names', async (t) => {
  const libc = loadedObjects().find(({ path }) => /\/libc[.-]/.test(path));
  t.match(libc?.soname, /^libc\./);
});

t.test('readSharedObject refuses what is no ELF file, or a part of one', async (t) => {
  const dir = t.testdir({ script: '#!/bin/sh\n'.padEnd(64, '#'), short: '\x7fELF' });
  t.throws(() => readSharedObject(join(dir, 'script')), {
    code: 'ERR_JAIL_ELF',
    message: /is not a 64-bit little-endian ELF file$/,
  });
  t.throws(() => readSharedObject(join(dir, 'short')), {
    code: 'ERR_JAIL_ELF',
    message: /ends before its ELF headers say so$/,
  });
  const header = Buffer.alloc(64);
  header.write('\x7fELF\x02\x01', 'latin1');
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(0xffff, 56);
  writeFileSync(join(dir, 'huge'), header);
  t.throws(() => readSharedObject(join(dir, 'huge')), {
    code: 'ERR_JAIL_ELF',
    message: /is not a plausible ELF file$/,
  });
});

t.test('mappedExecutables lists each file with an executable mapping once', async (t) => {
  const maps = `00400000-00500000 r--p 00000000 fe:00 11 /usr/bin/node
00500000-00600000 r-xp 00100000 fe:00 11 /usr/bin/node
00600000-00700000 r-xp 00200000 fe:00 11 /usr/bin/node
7f00000-7f10000 rw-p 00000000 00:00 0 
7f10000-7f20000 r-xp 00000000 fe:00 12 /opt/my libs/liba.so
7f20000-7f30000 r-xp 00000000 fe:00 13 /tmp/gone.so (deleted)
7f30000-7f40000 r--p 00000000 fe:00 14 /usr/lib/locale/locale-archive
7fff000-8000000 r-xp 00000000 00:00 0 [vdso]
`;
  t.strictSame(mappedExecutables(maps), ['/usr/bin/node', '/opt/my libs/liba.so']);
});

t.test('resolveLibraries follows what libraries need themselves, each once', async (t) => {
  const program = object('/bin/program', undefined, ['liba.so.1', 'libc.so.6']);
  const libraries = [
    object('/lib/liba.so.1.2.3', 'liba.so.1', ['libb.so.1', 'libc.so.6']),
    object('/opt/libb.so', 'libb.so.1', ['liba.so.1']),
    object('/lib/libc.so.6', 'libc.so.6', []),
    object('/lib/libother.so.1', 'libother.so.1', []),
  ];
  t.strictSame([...resolveLibraries([program], libraries)].sort(), [
    ['liba.so.1', '/lib/liba.so.1.2.3'],
    ['libb.so.1', '/opt/libb.so'],
    ['libc.so.6', '/lib/libc.so.6'],
  ]);
});

t.test('resolveLibraries names the library that is missing and who needs it', async (t) => {
  t.throws(() => resolveLibraries([object('/bin/program', undefined, ['libx.so.9'])], []), {
    code: 'ERR_JAIL_LIBRARY',
    message: /^\/bin\/program needs libx\.so\.9, which this process has not loaded/,
  });
});
