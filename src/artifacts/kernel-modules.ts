/**
 * Modules of a Debian kernel package and the order to load them in.
 *
 * A package that was unpacked and not installed has no modules.dep, so the dependencies are read where depmod
 * reads them: in the `depends=` entry of each module's .modinfo section.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { HostError } from '../base/errors.ts';

/** A module and where its file is. */
export interface KernelModule {
  /** Name with underscores, as lsmod shows it. */
  readonly name: string;
  /** Path relative to lib/modules/VERSION, `kernel/fs/squashfs/squashfs.ko` for example. */
  readonly path: string;
  readonly file: string;
}

const SUFFIX = '.ko';

/** The modules of one unpacked kernel package. */
export class KernelModules {
  /** Release of the kernel, as `uname -r` prints it. */
  readonly release: string;
  readonly #modules = new Map<string, KernelModule>();
  readonly #builtin = new Set<string>();

  /**
   * @param root root of the unpacked package.
   * @throws ERR_KERNEL_PACKAGE when it holds no modules of exactly one release.
   */
  constructor(root: string) {
    const directory = join(root, 'lib/modules');
    const [release, ...others] = readdirSync(directory);
    if (release === undefined || others.length > 0) {
      throw new HostError(
        'ERR_KERNEL_PACKAGE',
        `${directory} should hold the modules of one kernel`,
      );
    }
    this.release = release;
    const base = join(directory, release);
    for (const entry of readdirSync(base, { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && entry.name.endsWith(SUFFIX)) {
        const file = join(entry.parentPath, entry.name);
        const name = moduleName(file);
        this.#modules.set(name, { name, path: relative(base, file), file });
      }
    }
    for (const line of readFileSync(join(base, 'modules.builtin'), 'utf8').split('\n')) {
      this.#builtin.add(moduleName(line));
    }
  }

  /** Whether the kernel has it, as a module or built in. */
  has(name: string): boolean {
    return this.#modules.has(name) || this.#builtin.has(name);
  }

  /**
   * The modules that are needed for those named, each after the ones that it depends on.
   *
   * @param names in lsmod's spelling; one that is built into the kernel needs no file.
   * @throws ERR_KERNEL_MODULE when the package has no such module.
   */
  inLoadOrder(names: readonly string[]): KernelModule[] {
    const ordered = new Map<string, KernelModule>();
    for (const name of names) {
      this.#collect(name, ordered);
    }
    return [...ordered.values()];
  }

  #collect(name: string, ordered: Map<string, KernelModule>): void {
    if (ordered.has(name) || this.#builtin.has(name)) {
      return;
    }
    const found = this.#modules.get(name);
    if (found === undefined) {
      throw new HostError('ERR_KERNEL_MODULE', `kernel ${this.release} has no module ${name}`);
    }
    for (const dependency of readDependencies(readFileSync(found.file))) {
      this.#collect(dependency, ordered);
    }
    ordered.set(name, found);
  }
}

function moduleName(file: string): string {
  return basename(file, SUFFIX).replaceAll('-', '_');
}

/**
 * The names in a module's `depends=` entry.
 *
 * The section is found by its contents: entries end in NUL, and `depends=` begins one in no other section.
 */
export function readDependencies(module: Buffer): string[] {
  const start = module.indexOf('\0depends=');
  if (start === -1) {
    return [];
  }
  const from = start + '\0depends='.length;
  const value = module.toString('latin1', from, module.indexOf(0, from));
  return value
    .split(',')
    .filter((name) => name !== '')
    .map((name) => name.replaceAll('-', '_'));
}
