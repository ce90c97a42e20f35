/**
 * The files of this program that a device process loads, and where it finds them in its jail: under `/app`, laid out
 * as in the project, so that every relative import and package name means the same on both sides.
 *
 * Nothing secret is among them: they are what anybody can install.
 */
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { ConfigError } from '../base/errors.ts';
import { type NativeMount, nativeAddonPath } from '../sys/native.ts';

/** Where the application appears in a jail. */
const APP_ROOT = '/app';

/** The script that a device process runs and what has to be visible for it. */
export interface JailApplication {
  /** The script as the jail sees it. */
  readonly entry: string;
  readonly mounts: readonly NativeMount[];
}

export interface ApplicationOptions {
  /** The script on the host: a module of the compiled tree, or a bundle. */
  readonly entry: string;
  /**
   * For a script that is bundled, with all of its modules and packages but those with native code: the other files that
   * it reads. They and `entry` are shown instead of the tree that `entry` is in.
   */
  readonly parts?: readonly string[];
}

/** Packages that stay outside of a bundle: koffi's shared object for this machine. */
const NATIVE_PACKAGES = [`@koromix/koffi-linux-${process.arch}`] as const;
/** Packages that the device processes of an unbundled tree import as well. */
const SCRIPT_PACKAGES = ['koffi', 'msgpackr'] as const;

function findPackage(name: string, projectDir: string): string {
  for (let dir = projectDir; ; dir = dirname(dir)) {
    const path = join(dir, 'node_modules', name);
    if (existsSync(path)) {
      return realpathSync(path);
    }
    if (dir === dirname(dir)) {
      throw new ConfigError(
        'ERR_JAIL_PACKAGE',
        `the package ${name} is missing; run "npm install"`,
      );
    }
  }
}

function packageMount(name: string, projectDir: string, executable: boolean): NativeMount {
  return {
    source: findPackage(name, projectDir),
    target: `${APP_ROOT}/node_modules/${name}`,
    directory: true,
    executable,
  };
}

/** The whole compiled tree that a module belongs to: the folder of the project that it lies in, `dist` as a rule. */
function compiledTree(entry: string, projectDir: string): string {
  const [top] = relative(projectDir, entry).split(sep);
  return join(projectDir, top ?? '');
}

function scriptMounts(entry: string, projectDir: string): NativeMount[] {
  const inApp = (path: string) => join(APP_ROOT, relative(projectDir, path));
  const tree = compiledTree(entry, projectDir);
  const manifest = join(projectDir, 'package.json');
  return [
    { source: tree, target: inApp(tree), directory: true },
    // It makes the tree's .js files ES modules.
    { source: manifest, target: inApp(manifest) },
    ...SCRIPT_PACKAGES.map((name) => packageMount(name, projectDir, false)),
  ];
}

/**
 * Describes the files that a device process needs.
 *
 * @throws ERR_JAIL_ENTRY when the script is missing or outside of the project, ERR_JAIL_PACKAGE for a package.
 */
export function describeApplication(options: ApplicationOptions): JailApplication {
  const addon = realpathSync(nativeAddonPath());
  // <project>/native/build/crosvm_native.node
  const projectDir = dirname(dirname(dirname(addon)));
  if (!existsSync(options.entry)) {
    throw new ConfigError('ERR_JAIL_ENTRY', `${options.entry} is missing; run "npm run build"`);
  }
  const entry = realpathSync(options.entry);
  if (!entry.startsWith(projectDir + sep)) {
    throw new ConfigError('ERR_JAIL_ENTRY', `${entry} lies outside of ${projectDir}`);
  }
  const inApp = (path: string) => join(APP_ROOT, relative(projectDir, path));
  const scripts =
    options.parts === undefined
      ? scriptMounts(entry, projectDir)
      : [entry, ...options.parts].map((source) => ({ source, target: inApp(source) }));
  return {
    entry: inApp(entry),
    mounts: [
      ...scripts,
      ...NATIVE_PACKAGES.map((name) => packageMount(name, projectDir, true)),
      {
        source: addon,
        target: join(APP_ROOT, 'native', 'build', basename(addon)),
        executable: true,
      },
    ],
  };
}
