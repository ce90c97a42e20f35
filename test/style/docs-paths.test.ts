/** Every path, link and symbol that a document names is there. */
import { dirname, join } from 'node:path/posix';
import t from 'tap';
import {
  anchorsOf,
  commentMentions,
  hasSymbol,
  isPartOfAPath,
  isThere,
  linkMentions,
  type Mention,
  pathMentions,
  symbolMentions,
} from '../support/style/document-paths.ts';
import {
  listDocuments,
  listProjectFiles,
  projectHas,
  readProjectFile,
} from '../support/style/project-files.ts';

const files = listProjectFiles();
const documents = listDocuments().map((path) => ({ path, text: readProjectFile(path) }));
/** What only a build makes. */
const BUILT = ['dist/', 'native/build/', 'native/build/crosvm_native.node'];

function show({ document, line, text }: Mention): string {
  return `${document}:${line}: ${text}`;
}

t.test('every document that a project of this kind has is there', (t) => {
  const wanted = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'];
  t.same(
    wanted.filter((path) => !documents.some((document) => document.path === path)),
    [],
  );
  t.end();
});

t.test('every path that a document names exists', (t) => {
  const mentions = documents.flatMap(({ path, text }) => pathMentions(path, text));
  t.ok(mentions.length > 100, `${mentions.length} paths were looked up`);
  const missing = mentions.filter(({ text }) => !BUILT.includes(text) && !isThere(text, files));
  t.same(missing.map(show), []);
  t.end();
});

t.test('every link between documents leads somewhere', (t) => {
  const mentions = documents.flatMap(({ path, text }) => linkMentions(path, text));
  t.ok(mentions.length > 10, `${mentions.length} links were followed`);
  const broken = mentions.filter(({ document, text }) => {
    const [path = '', anchor] = text.split('#');
    const target = path === '' ? document : join(dirname(document), path);
    return (
      !projectHas(target) ||
      (anchor !== undefined && !anchorsOf(readProjectFile(target)).has(anchor))
    );
  });
  t.same(broken.map(show), []);
  t.end();
});

t.test('every symbol that a document names beside a file occurs in it', (t) => {
  const mentions = documents.flatMap(({ path, text }) => symbolMentions(path, text));
  t.ok(mentions.length > 30, `${mentions.length} symbols were looked up`);
  const missing = mentions.filter(
    ({ file, text }) => !projectHas(file) || !hasSymbol(readProjectFile(file), text),
  );
  t.same(
    missing.map((mention) => `${show(mention)} is not in ${mention.file}`),
    [],
  );
  t.end();
});

t.test('every module that a comment of src names exists', (t) => {
  const sources = files.filter((path) => /^src\/.*\.ts$/.test(path));
  const mentions = sources.flatMap((path) => commentMentions(path, readProjectFile(path)));
  t.ok(mentions.length > 10, `${mentions.length} modules were looked up`);
  t.same(mentions.filter(({ text }) => !isPartOfAPath(text, files)).map(show), []);
  t.end();
});

t.test('commentMentions finds modules in comments and nowhere else', (t) => {
  const text = "/** See ipc/a.ts and `b.ts`. */\nimport c from './c.ts'; // as d.ts\n * e.ts\n";
  t.same(
    commentMentions('x.ts', text).map((mention) => mention.text),
    ['ipc/a.ts', 'b.ts', 'd.ts', 'e.ts'],
  );
  t.ok(isPartOfAPath('ipc/a.ts', ['src/ipc/a.ts']));
  t.notOk(isPartOfAPath('pc/a.ts', ['src/ipc/a.ts']));
  t.end();
});

t.test('pathMentions finds paths in code and nowhere else', (t) => {
  const text =
    'See `src/a.ts`, (`b.policy`) and src/c.ts, not `and/or`.\n```\nnode bin/d.mjs x\n```\n';
  t.same(
    pathMentions('x.md', text).map((mention) => mention.text),
    ['src/a.ts', 'b.policy', 'bin/d.mjs'],
  );
  t.end();
});

t.test('isThere knows what a path stands for', (t) => {
  const some = ['src/cli/main.ts', 'src/cli/commands/run.ts', 'policy/rng.json', 'native/addon.cc'];
  for (const path of [
    'src/cli/',
    'src/cli/{main,commands/run}.ts',
    'policy/<device>.json',
    'src/*/main.ts',
    'dist/src/cli/main.js',
    'run.ts',
  ]) {
    t.ok(isThere(path, some), path);
  }
  for (const path of [
    'src/cl',
    'src/cli/{main,stop}.ts',
    'policy/<device>.yaml',
    'src/*/run.ts',
    'dist/src/cli/gone.js',
    'un.ts',
    'src/cli/mainxts',
  ]) {
    t.notOk(isThere(path, some), path);
  }
  t.end();
});

t.test('symbolMentions takes the symbols that stand by a file', (t) => {
  const text = [
    '| `src/a.ts` `Bus.read()`, `offset` and `#run()` | `other()` |',
    'what `src/b.ts` does, `nothing()`, `Queue.pop` in `native/c.cc`',
  ].join('\n');
  t.same(
    symbolMentions('x.md', text).map(({ file, text: symbol }) => `${file} ${symbol}`),
    ['src/a.ts Bus.read()', 'src/a.ts offset', 'src/a.ts #run()', 'native/c.cc Queue.pop'],
  );
  t.ok(hasSymbol('class Bus { #read() {} }', 'Bus.#read()'));
  t.notOk(hasSymbol('class Bus { reader() {} }', 'Bus.read()'));
  t.end();
});

t.test('linkMentions leaves other sites alone, and anchorsOf is what they lead to', (t) => {
  const text = '[a](docs/a.md#one-two) [b](https://example.org/x.md)';
  t.same(
    linkMentions('x.md', text).map((mention) => mention.text),
    ['docs/a.md#one-two'],
  );
  t.same([...anchorsOf('## One, two\n```\n# no\n```\n')], ['one-two']);
  t.end();
});
