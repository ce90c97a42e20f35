/** Files stay small enough to be read in one sitting. */
import t from 'tap';
import { listProjectFiles, readProjectFile } from '../support/style/project-files.ts';

const LINES_MAX = 600;
const SOURCE = /\.(ts|mjs|cc|h|c|S|policy)$/;
/** Tables that a program wrote: long lines, but few of them. */
const GENERATED = [
  'src/seccomp/constants/aarch64.ts',
  'src/seccomp/constants/common.ts',
  'src/seccomp/constants/x86-64.ts',
];

const sources = listProjectFiles().filter((path) => SOURCE.test(path));

function lineCount(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

t.test('no source file has more than 600 lines', (t) => {
  t.ok(sources.length > 200, `${sources.length} files were counted`);
  const tooLong = sources
    .map((path) => ({ path, lines: lineCount(readProjectFile(path)) }))
    .filter(({ path, lines }) => lines > LINES_MAX && !GENERATED.includes(path));
  t.same(tooLong, []);
  t.end();
});

t.test('every generated table is there and says that it is generated', (t) => {
  for (const path of GENERATED) {
    t.match(readProjectFile(path).slice(0, 500), /generated/i, path);
  }
  t.end();
});

t.test('lineCount counts lines, with and without a newline at the end', (t) => {
  t.equal(lineCount('a\nb\n'), 2);
  t.equal(lineCount('a\nb'), 2);
  t.equal(lineCount(`${'x\n'.repeat(LINES_MAX)}x\n`), LINES_MAX + 1);
  t.end();
});
