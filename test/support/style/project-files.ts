/** The repository as the style tests see it: files by their paths from its root, with forward slashes. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../../src/artifacts/sources.ts';

const ROOT = projectRoot(import.meta.dirname);
/** Folders of the root that hold what was written by hand. */
const SOURCE_FOLDERS = [
  '.ci',
  'bench',
  'bin',
  'docs',
  'native',
  'policy',
  'seccomp',
  'src',
  'test',
];
/** Build output inside of them. */
const BUILT = /^native\/build\//;

/** Text of a file, named from the root. */
export function readProjectFile(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** True for a file or folder that there is, named from the root. */
export function projectHas(path: string): boolean {
  return existsSync(join(ROOT, path));
}

/** Every file below the source folders, and those of the root itself, sorted. */
export function listProjectFiles(): readonly string[] {
  const ofRoot = readdirSync(ROOT, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
  const below = SOURCE_FOLDERS.filter(projectHas).flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1)),
  );
  return [...ofRoot, ...below].filter((path) => !BUILT.test(path)).sort();
}

/** The documents of the project: Markdown of the root and of `docs/`. */
export function listDocuments(): readonly string[] {
  return listProjectFiles().filter((path) => /^(docs\/.*|[^/]*)\.md$/.test(path));
}
