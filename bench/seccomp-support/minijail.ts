/**
 * minijail's own compiler, where the user has it: nothing of it is in this repository.
 *
 * `CROSVM_BENCH_MINIJAIL` names a checkout of minijail in which `make constants.json` was run, or a directory of programs
 * that were compiled before (`block_device.bpf`). Without it, `compile_seccomp_policy.py` is looked for in PATH.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';

/** `--optimization-strategy`; `bst` is what it does by itself. */
export type MinijailStrategy = 'bst' | 'linear';

const SCRIPT = 'compile_seccomp_policy.py';
const CONSTANTS = 'constants.json';
const VARIABLE = 'CROSVM_BENCH_MINIJAIL';

interface Compiler {
  readonly script: string;
  readonly constants: string;
}

function inPath(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, SCRIPT)).find((path) => existsSync(path));
}

function findCompiler(folder: string | undefined): Compiler | string {
  const script = folder === undefined ? inPath() : join(folder, 'tools', SCRIPT);
  if (script === undefined) {
    return `${VARIABLE} is not set, and no ${SCRIPT} is in PATH`;
  }
  if (!existsSync(script)) {
    return `no ${script}`;
  }
  const places = [dirname(script), dirname(dirname(script))];
  const constants = places.map((place) => join(place, CONSTANTS)).find((path) => existsSync(path));
  return constants === undefined
    ? `no ${CONSTANTS} beside ${script}: "make ${CONSTANTS}" in its checkout writes it`
    : { script, constants };
}

/** Programs of minijail. */
export class Minijail implements Disposable {
  readonly #folder = process.env[VARIABLE];
  readonly #output = mkdtempSync(join(tmpdir(), 'minijail-bench-'));
  readonly #compiler: Compiler | string = findCompiler(this.#folder);

  /**
   * Compiles a policy with `trap` as the default.
   *
   * @returns the raw program, or in words why there is none.
   */
  compile(policy: string, strategy: MinijailStrategy): Uint8Array | string {
    const name = basename(policy).replace(/\.policy$/, '.bpf');
    const ready = this.#folder === undefined ? undefined : join(this.#folder, name);
    if (ready !== undefined && existsSync(ready)) {
      return strategy === 'bst' ? readFileSync(ready) : `${ready} is one program, not two`;
    }
    if (typeof this.#compiler === 'string') {
      return this.#compiler;
    }
    const { script, constants } = this.#compiler;
    const program = join(this.#output, name);
    const options = ['--arch-json', constants, '--default-action', 'trap'];
    const layout = ['--optimization-strategy', strategy];
    const { status, stderr, error } = spawnSync(
      'python3',
      [script, ...options, ...layout, policy, program],
      { encoding: 'utf8' },
    );
    return status === 0 ? readFileSync(program) : (error?.message ?? stderr.trim());
  }

  [Symbol.dispose](): void {
    rmSync(this.#output, { recursive: true });
  }
}
