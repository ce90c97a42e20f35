/**
 * Who may import whom in `src/`. ARCHITECTURE.md shows the same table and argues it; a test holds the two together.
 *
 * A folder imports itself and folders of lower tiers, never one of its own tier. Beyond that, some folders import less
 * than their tier allows, some files are all that others may import, and each package has one place.
 */
import type { ModuleReference, ParsedModule } from './module-imports.ts';

/** Folder of `src/` -> tier. */
export const TIERS: Readonly<Record<string, number>> = {
  base: 0,
  launch: 0,
  sys: 1,
  memory: 2,
  bus: 2,
  ipc: 2,
  seccomp: 2,
  artifacts: 2,
  hypervisor: 3,
  pci: 3,
  jail: 3,
  control: 3,
  'guest-images': 3,
  'nested-host': 3,
  virtio: 4,
  transport: 4,
  boot: 4,
  vcpu: 4,
  devices: 5,
  legacy: 5,
  vmm: 6,
  doctor: 6,
  audit: 6,
  cli: 7,
  quickstart: 7,
};

/** Folders that import less than their tier allows: these and nothing else. */
export const NARROW: Readonly<Record<string, readonly string[]>> = {
  // Compiles and audits policies without root, addon or host: for any machine, on any machine.
  seccomp: ['base'],
  // What a device process loads. Every module that it does not load is one that a guest cannot reach.
  devices: ['base', 'sys', 'memory', 'bus', 'ipc', 'virtio'],
  // Programs around the machine, which start it as a process: no part of it.
  artifacts: ['base'],
  'guest-images': ['base', 'artifacts'],
  'nested-host': ['base', 'artifacts'],
  // It asks the doctor whether this host can run Linux before it takes a nested one.
  quickstart: ['base', 'artifacts', 'guest-images', 'nested-host', 'doctor'],
};

/** The folders of those programs; no other folder imports them. */
export const PREPARATION: readonly string[] = [
  'artifacts',
  'guest-images',
  'nested-host',
  'quickstart',
];

/** Packages and the one place of each. All others stay out of `src/`. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  koffi: /^src\/sys\//,
  msgpackr: /^src\/ipc\/codec\.ts$/,
  commander: /^src\/cli\//,
};

/** The addon's typed face; only `src/sys/` knows it. */
const ADDON = 'native/addon.d.ts';

/** Outside of `src/devices/`, whoever starts devices may name these of its files. */
const DEVICE_INTERFACE: readonly string[] = [
  'src/devices/device-module.ts',
  'src/devices/registry.ts',
  'src/devices/host.ts',
  'src/devices/host-worker.ts',
];

/** What only `src/cli/` touches, and the preparation programs, which have no command line above them. */
const COMMAND_LINE = [
  'process.argv',
  'process.env',
  'process.stdout',
  'console.log',
  'console.error',
];

/** Files that may touch some of it all the same. */
export const COMMAND_LINE_EXCEPTIONS: Readonly<Record<string, string>> = {
  // The entry of a process: its argument is the device kind, which the launcher passes.
  'src/devices/host.ts': 'process.argv',
  // A script that is run by hand, to generate the tables beside it.
  'src/seccomp/constants/generate.ts': 'process.argv',
};

/** First folder below `src/`, or undefined for a file that lies elsewhere. */
function folderOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

/** Kind of a device whose folder a file lies in. */
function deviceKindOf(path: string): string | undefined {
  return /^src\/devices\/([^/]+)\//.exec(path)?.[1];
}

/** Everything in which a module breaks the rules, a sentence each. */
export function findViolations(module: ParsedModule): string[] {
  const folder = folderOf(module.path);
  if (folder === undefined || TIERS[folder] === undefined) {
    return [`${module.path} lies in a folder without a tier`];
  }
  return [
    ...module.references.flatMap((reference) => judge(module.path, folder, reference)),
    ...judgeUses(module, folder),
  ].map((problem) => `${module.path} ${problem}`);
}

function judge(path: string, folder: string, reference: ModuleReference): string[] {
  const { specifier, target } = reference;
  if (target === undefined) {
    return specifier.startsWith('node:') ? [] : judgePackage(path, specifier);
  }
  if (target === ADDON) {
    return folder === 'sys' ? [] : ['imports the addon, which only src/sys does'];
  }
  const targetFolder = folderOf(target);
  if (targetFolder === undefined) {
    // Paths to files that are data, or built, may be named; modules of other folders may not be imported.
    return reference.kind === 'worker' ? [] : [`imports ${target}, which is not in src`];
  }
  return targetFolder === folder
    ? judgeDevices(path, target)
    : judgeFolders({ folder, targetFolder, target });
}

function judgePackage(path: string, specifier: string): string[] {
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  const place = PACKAGES[name];
  if (place === undefined) {
    return [`imports the package ${name}, which has no place in src`];
  }
  return place.test(path) ? [] : [`imports ${name}, whose only place is ${place.source}`];
}

function judgeFolders(edge: {
  readonly folder: string;
  readonly targetFolder: string;
  readonly target: string;
}): string[] {
  const { folder, targetFolder, target } = edge;
  const tier = TIERS[folder] ?? 0;
  const targetTier = TIERS[targetFolder];
  if (targetTier === undefined || targetTier >= tier) {
    return [`(tier ${tier}) imports ${target} (tier ${targetTier ?? 'unknown'})`];
  }
  if (NARROW[folder]?.includes(targetFolder) === false) {
    return [`imports ${target}, but src/${folder} may import only ${NARROW[folder].join(', ')}`];
  }
  if (PREPARATION.includes(targetFolder) && !PREPARATION.includes(folder)) {
    return [`imports ${target}, which is no part of the machine`];
  }
  if (targetFolder === 'devices' && !DEVICE_INTERFACE.includes(target)) {
    return [`imports ${target}, but only ${DEVICE_INTERFACE.join(', ')} are for others`];
  }
  return [];
}

/** Inside `src/devices/`: kinds do not know each other, and only the registry knows a kind, by its module. */
function judgeDevices(path: string, target: string): string[] {
  const kind = deviceKindOf(path);
  const targetKind = deviceKindOf(target);
  if (targetKind === undefined || targetKind === kind) {
    return [];
  }
  if (kind !== undefined) {
    return [`imports ${target}: devices never import each other`];
  }
  const isRegistration =
    path === 'src/devices/registry.ts' && target === `src/devices/${targetKind}/module.ts`;
  return isRegistration ? [] : [`imports ${target}, but only the registry knows kinds`];
}

function judgeUses({ path, uses }: ParsedModule, folder: string): string[] {
  const problems: string[] = [];
  if (uses.has('call createRequire') && folder !== 'sys' && folder !== 'launch') {
    problems.push('makes a require(), with which only src/sys loads the addon');
  }
  if (folder !== 'cli' && !PREPARATION.includes(folder)) {
    for (const use of COMMAND_LINE) {
      if (uses.has(use) && COMMAND_LINE_EXCEPTIONS[path] !== use) {
        problems.push(`touches ${use}, which belongs to src/cli`);
      }
    }
  }
  return problems;
}

/** Modules that are loaded with one, itself included, as far as they are among `modules`. */
export function closureOf(
  entry: string,
  modules: ReadonlyMap<string, ParsedModule>,
  kinds: readonly ModuleReference['kind'][],
): ReadonlySet<string> {
  const seen = new Set<string>();
  const pending = [entry];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const module = modules.get(path);
    if (module !== undefined && !seen.has(path)) {
      seen.add(path);
      const targets = module.references.filter(({ kind }) => kinds.includes(kind));
      pending.push(...targets.flatMap(({ target }) => target ?? []));
    }
  }
  return seen;
}
