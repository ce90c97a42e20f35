/** docs/errors.md explains every error code of src/, and no other. */
import t from 'tap';
import { listProjectFiles, readProjectFile } from '../support/style/project-files.ts';

/** A whole code; not the `ERR_KERNEL_*` that stands for many, nor a part of a longer word. */
const CODE = /(?<![\w])ERR_[A-Z0-9]+(?:_[A-Z0-9]+)*(?![\w*])/g;
const EXPLAINED = /^\| `(ERR_[A-Z0-9_]+)` +\| +(\S.*?) +\| +(\S.*?) +\|$/gm;

function codesIn(text: string): string[] {
  return [...text.matchAll(CODE)].map(([code]) => code);
}

function explainedIn(text: string): string[] {
  return [...text.matchAll(EXPLAINED)].map((row) => row[1] ?? '');
}

const sources = listProjectFiles().filter((path) => /^src\/.*\.ts$/.test(path));
const codes = new Set(sources.flatMap((path) => codesIn(readProjectFile(path))));
const explained = explainedIn(readProjectFile('docs/errors.md'));

t.test('every error code of src is explained in docs/errors.md', (t) => {
  t.ok(codes.size > 50, `${codes.size} codes were found`);
  t.same(
    [...codes].filter((code) => !explained.includes(code)),
    [],
  );
  t.end();
});

t.test('every error code of docs/errors.md is one of src', (t) => {
  t.same(
    explained.filter((code) => !codes.has(code)),
    [],
  );
  t.end();
});

t.test('no error code is explained twice', (t) => {
  t.equal(new Set(explained).size, explained.length);
  t.end();
});

t.test('a code is found in strings and comments, and is explained by a whole row', (t) => {
  t.same(codesIn("throw new VmmError('ERR_A_B'); // @throws ERR_C, ERR_D_* SO_ERR_E ERR_F_\n"), [
    'ERR_A_B',
    'ERR_C',
  ]);
  t.same(explainedIn('| `ERR_A` | It broke. | Mend it. |\n| `ERR_B` | It broke. |  |\n'), [
    'ERR_A',
  ]);
  t.end();
});
