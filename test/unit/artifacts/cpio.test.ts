import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CpioArchive } from '../../../src/artifacts/cpio.ts';

const HEADER_BYTES = 110;

/** Reads a newc archive back, by the kernel's description of it. */
function readArchive(
  bytes: Buffer,
): { name: string; mode: number; device: string; data: string }[] {
  const entries = [];
  let at = 0;
  while (at < bytes.length) {
    const field = (index: number): number =>
      Number.parseInt(bytes.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
    const nameStart = at + HEADER_BYTES;
    const dataStart = (nameStart + field(11) + 3) & ~3;
    entries.push({
      name: bytes.toString('utf8', nameStart, nameStart + field(11) - 1),
      mode: field(1),
      device: `${field(9)}:${field(10)}`,
      data: bytes.toString('utf8', dataStart, dataStart + field(6)),
    });
    at = (dataStart + field(6) + 3) & ~3;
  }
  return entries;
}

t.test(
  'CpioArchive.toBuffer puts directories before what is in them and ends with the trailer',
  async (t) => {
    const archive = new CpioArchive();
    archive.addFile('a/b/file', 'hello', 0o755);
    const entries = readArchive(archive.toBuffer());
    t.same(
      entries.map(({ name, mode, data }) => [name, mode.toString(8), data]),
      [
        ['a', '40755', ''],
        ['a/b', '40755', ''],
        ['a/b/file', '100755', 'hello'],
        ['TRAILER!!!', '0', ''],
      ],
    );
  },
);

t.test(
  'CpioArchive.addCharacterDevice records the device numbers without any privilege',
  async (t) => {
    const archive = new CpioArchive();
    archive.addCharacterDevice('dev/console', 5, 1);
    const [, node] = readArchive(archive.toBuffer());
    t.match(node, { name: 'dev/console', device: '5:1', mode: 0o020600 });
  },
);

t.test('CpioArchive.addTree keeps permission bits and symbolic links', async (t) => {
  const directory = t.testdir({ sub: { file: 'x' } });
  symlinkSync('sub/file', join(directory, 'link'));
  const archive = new CpioArchive();
  archive.addTree(directory);
  const entries = readArchive(archive.toBuffer());
  t.same(
    entries.map(({ name, data }) => [name, data]),
    [
      ['link', 'sub/file'],
      ['sub', ''],
      ['sub/file', 'x'],
      ['TRAILER!!!', ''],
    ],
  );
});

t.test('CpioArchive.toBuffer makes the same bytes of the same entries', async (t) => {
  const build = (): Buffer => {
    const archive = new CpioArchive();
    archive.addFile('init', '#!/bin/sh\n', 0o755);
    return archive.toBuffer();
  };
  t.ok(build().equals(build()));
});
