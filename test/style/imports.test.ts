/** Import tiers: who may import whom (ARCHITECTURE.md, "Code map"). */
import t from 'tap';
import {
  COMMAND_LINE_EXCEPTIONS,
  closureOf,
  findViolations,
  NARROW,
  TIERS,
} from '../support/style/import-rules.ts';
import { type ParsedModule, parseModule } from '../support/style/module-imports.ts';
import { listProjectFiles, readProjectFile } from '../support/style/project-files.ts';

const modules: ReadonlyMap<string, ParsedModule> = new Map(
  listProjectFiles()
    .filter((path) => /^src\/.*\.ts$/.test(path))
    .map((path) => [path, parseModule(path, readProjectFile(path))]),
);

/** The first complaint about a module that holds one line. */
function complaint(path: string, line: string): string {
  return findViolations(parseModule(path, line))[0] ?? 'none';
}

t.test('every module of src keeps to the import tiers', (t) => {
  t.ok(modules.size > 100, `${modules.size} modules were read`);
  t.same([...modules.values()].flatMap(findViolations), []);
  t.end();
});

t.test('every import of src leads to a file', (t) => {
  const targets = [...modules.values()].flatMap(({ path, references }) =>
    references
      .filter(({ target, kind }) => target?.startsWith('src/') === true && kind !== 'worker')
      .map(({ target }) => ({ path, target: target ?? '' })),
  );
  t.ok(targets.length > 500, `${targets.length} imports were followed`);
  t.same(
    targets.filter(({ target }) => !modules.has(target)),
    [],
  );
  t.end();
});

t.test('modules of src do not import each other in circles', (t) => {
  const inCircles = [...modules.values()].filter(({ path, references }) =>
    references.some(
      ({ kind, target }) =>
        kind === 'static' &&
        target !== undefined &&
        closureOf(target, modules, ['static']).has(path),
    ),
  );
  t.same(
    inCircles.map(({ path }) => path),
    [],
  );
  t.end();
});

t.test('a device process loads nothing but what a device needs', (t) => {
  const loaded = closureOf('src/devices/host.ts', modules, ['static', 'dynamic']);
  const folders = new Set([...loaded].map((path) => path.split('/')[1] ?? ''));
  const allowed = new Set(['devices', ...(NARROW['devices'] ?? [])]);
  t.same(
    [...folders].filter((folder) => !allowed.has(folder)),
    [],
  );
  t.ok(loaded.has('src/devices/block/device.ts'), 'the disk is among what was followed');
  t.end();
});

t.test('the parent loads no part of a device that serves the guest', (t) => {
  const loaded = closureOf('src/cli/main.ts', modules, ['static']);
  const registered = [...modules.keys()].filter((path) =>
    /^src\/devices\/[^/]+\/module\.ts$/.test(path),
  );
  t.ok(registered.length >= 2, `${registered.length} kinds of devices`);
  const ofModules = registered.flatMap((path) => [...closureOf(path, modules, ['static'])]);
  t.same(
    [...loaded, ...ofModules].filter((path) => /^src\/devices\/[^/]+\/device\.ts$/.test(path)),
    [],
  );
  t.end();
});

t.test('the tiers are those that ARCHITECTURE.md shows', (t) => {
  const rows = readProjectFile('ARCHITECTURE.md').matchAll(/^\| `src\/([^/`]+)\/` +\| T(\d) /gm);
  const shown = Object.fromEntries([...rows].map((row) => [row[1] ?? '', Number(row[2])]));
  t.same(shown, TIERS);
  t.end();
});

t.test('every exception to the command line rule is still one', (t) => {
  const used = Object.entries(COMMAND_LINE_EXCEPTIONS).filter(
    ([path, use]) => modules.get(path)?.uses.has(use) === true,
  );
  t.same(Object.fromEntries(used), COMMAND_LINE_EXCEPTIONS);
  t.end();
});

t.test('findViolations refuses', (t) => {
  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['src/memory/x.ts', "import { a } from '../vmm/a.ts';", /tier 2.*tier 6/],
    ['src/pci/x.ts', "import type { A } from '../jail/a.ts';", /tier 3.*tier 3/],
    ['src/bus/x.ts', "export * from '../pci/a.ts';", /tier 2.*tier 3/],
    ['src/vcpu/x.ts', "await import('../devices/registry.ts');", /tier 4.*tier 5/],
    ['src/new/x.ts', 'export {};', /folder without a tier/],
    ['src/seccomp/x.ts', "import { a } from '../sys/a.ts';", /may import only base/],
    ['src/devices/x.ts', "import { a } from '../transport/a.ts';", /may import only/],
    ['src/devices/rng/x.ts', "import { a } from '../block/a.ts';", /never import each other/],
    ['src/devices/x.ts', "import { a } from './block/device.ts';", /only the registry/],
    ['src/vmm/x.ts', "import { a } from '../devices/block/device.ts';", /for others/],
    ['src/vmm/x.ts', "import { a } from '../artifacts/cache.ts';", /no part of the machine/],
    ['src/vmm/x.ts', "import { a } from '../../test/a.ts';", /not in src/],
    ['src/ipc/x.ts', "import koffi from 'koffi';", /imports koffi, whose only place/],
    ['src/ipc/x.ts', "import { pack } from 'msgpackr';", /imports msgpackr, whose only place/],
    ['src/vmm/x.ts', "import { Command } from 'commander';", /imports commander/],
    ['src/sys/x.ts', "import ajv from 'ajv';", /ajv, which has no place/],
    ['src/jail/x.ts', "import type { A } from '../../native/addon.d.ts';", /the addon/],
    ['src/jail/x.ts', 'const require = createRequire(import.meta.url);', /require\(\)/],
    ['src/vmm/x.ts', 'const home = process.env.HOME;', /process\.env/],
    ['src/devices/host.ts', 'console.log(1);', /console\.log/],
  ];
  for (const [path, line, problem] of refused) {
    t.match(complaint(path, line), problem, line);
  }
  t.end();
});

t.test('findViolations accepts', (t) => {
  const accepted: readonly (readonly [string, string])[] = [
    ['src/vmm/x.ts', "import { a } from '../base/a.ts';"],
    ['src/vmm/x.ts', "import { a } from './machine/a.ts';"],
    ['src/sys/x.ts', "import koffi from 'koffi';"],
    ['src/devices/registry.ts', "await import('./block/module.ts');"],
    ['src/cli/x.ts', 'process.stdout.write(process.argv[2]);'],
    ['src/quickstart/x.ts', 'console.log(process.env.HOME);'],
    ['src/vmm/x.ts', "// import koffi from 'koffi';"],
    ['src/vmm/x.ts', 'const text = "process.env";'],
  ];
  for (const [path, line] of accepted) {
    t.equal(complaint(path, line), 'none', line);
  }
  t.end();
});
