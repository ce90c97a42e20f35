import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { decodeSource, fileReader } from '../../../src/seccomp/source.ts';

function linesOf(text: string): readonly string[] | null {
  const source = decodeSource(new TextEncoder().encode(text));
  return source.ok ? source.lines : null;
}

t.test('decodeSource ends lines at LF, CRLF and a lone CR', async (t) => {
  t.same(linesOf('a\nb\r\nc\rd'), ['a', 'b', 'c', 'd']);
  t.same(linesOf('a\n'), ['a'], 'the last line may be ended');
  t.same(linesOf('a\n\n'), ['a', '']);
  t.same(linesOf(''), []);
  t.same(linesOf('\ufeffa\u2028b'), ['\ufeffa\u2028b'], 'a byte order mark is kept');
});

t.test('decodeSource tells where a file stops being UTF-8', async (t) => {
  const bytes = Uint8Array.of(0x61, 0x0d, 0x0a, 0xc3, 0xa9, 0x62, 0xff, 0x63);
  t.match(decodeSource(bytes), { ok: false, line: 2, column: 3, text: '\u00e9b' });
  t.match(decodeSource(Uint8Array.of(0xe2, 0x82)), { ok: false, line: 1, column: 1 }, 'cut off');
  t.match(decodeSource(Uint8Array.of(0xed, 0xa0, 0x80)), { ok: false }, 'a lone surrogate');
  t.match(decodeSource(Uint8Array.of(0xc0, 0x80)), { ok: false }, 'an overlong zero');
});

t.test('fileReader reads regular files only, through links too', async (t) => {
  const dir = t.testdir({ file: 'read: 1' });
  mkdirSync(join(dir, 'directory'));
  symlinkSync('file', join(dir, 'link'));
  t.equal(fileReader.read(join(dir, 'file'))?.length, 7);
  t.equal(fileReader.read(join(dir, 'link'))?.length, 7);
  t.equal(fileReader.read(join(dir, 'directory')), null);
  t.equal(fileReader.read(join(dir, 'missing')), null);
  t.equal(fileReader.read('/dev/null'), null);
});
