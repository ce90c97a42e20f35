/** The device that docs/writing-a-device.md shows passes the compiler, as if it lay in src/devices/. */
import { join } from 'node:path';
import t from 'tap';
import ts from 'typescript';
import { projectRoot } from '../../src/artifacts/sources.ts';
import { readProjectFile } from '../support/style/project-files.ts';

const ROOT = projectRoot(import.meta.dirname);
const FOLDER = join(ROOT, 'src/devices/ones');

/** A tsconfig.json that cannot be read ends the test. */
const CONFIG_HOST: ts.ParseConfigFileHost = {
  ...ts.sys,
  onUnRecoverableConfigFileDiagnostic: ({ messageText }) => {
    throw new Error(ts.flattenDiagnosticMessageText(messageText, ' '));
  },
};

/** The TypeScript blocks of a document, in order. */
function examplesIn(text: string): string[] {
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
}

/** Compiles files that are not there, among those that are. Returns the errors, all of them. */
function compileExamples(examples: ReadonlyMap<string, string>): string[] {
  const parsed = ts.getParsedCommandLineOfConfigFile(join(ROOT, 'tsconfig.json'), {}, CONFIG_HOST);
  const options = { ...parsed?.options, noEmit: true, incremental: false };
  delete options.tsBuildInfoFile;
  const base = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...base,
    directoryExists: (path) => path === FOLDER || ts.sys.directoryExists(path),
    fileExists: (path) => examples.has(path) || base.fileExists(path),
    readFile: (path) => examples.get(path) ?? base.readFile(path),
    getSourceFile: (path, version, ...rest) => {
      const text = examples.get(path);
      return text === undefined
        ? base.getSourceFile(path, version, ...rest)
        : ts.createSourceFile(path, text, version);
    },
  };
  const program = ts.createProgram([...examples.keys()], options, host);
  const own = program.getSourceFiles().filter(({ fileName }) => examples.has(fileName));
  return own
    .flatMap((file) => [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
    ])
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

function filesOf(examples: readonly string[]): ReadonlyMap<string, string> {
  const names = ['module.ts', 'device.ts'];
  return new Map(names.map((name, index) => [join(FOLDER, name), examples[index] ?? '']));
}

const examples = examplesIn(readProjectFile('docs/writing-a-device.md'));

t.test('the example of docs/writing-a-device.md compiles', (t) => {
  t.equal(examples.length, 2, 'a module and a device');
  t.same(compileExamples(filesOf(examples)), []);
  t.end();
});

t.test('compileExamples finds an example that does not fit the interface', (t) => {
  const broken = examples.map((text) => text.replace('readonly queueSizes', 'readonly sizes'));
  t.match(compileExamples(filesOf(broken)).join('\n'), /'queueSizes' is missing/);
  t.end();
});
