/** Runs `seccomp_cost.c`: nanoseconds of system calls under a program, in a process of its own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ARGS_OFFSET, BPF_ABS, BPF_LD, BPF_W, encodeProgram } from '../../src/seccomp/bpf.ts';

/** For one run of all programs. */
const LIMIT_MS = 120_000;

/** Chunks of one run and calls of a chunk; the median chunk counts. */
export interface CallCount {
  readonly chunks: number;
  readonly calls: number;
}

/**
 * The program behind an instruction that loads an argument.
 *
 * Since Linux 5.11 the kernel finds out, when a filter is installed, for which numbers it allows every call, and does
 * not run it for those. It gives up at the first load of anything but number and architecture, so this program runs for
 * every call, on every kernel, and decides what it decided before.
 */
export function withoutBitmap(program: Uint8Array): Uint8Array {
  const load = { code: BPF_LD + BPF_W + BPF_ABS, jt: 0, jf: 0, k: ARGS_OFFSET };
  return Buffer.concat([encodeProgram([load]), program]);
}

/** Times calls under programs. */
export class CallTimer implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'seccomp-cost-'));
  readonly #timer = join(this.#directory, 'seccomp_cost');
  #programs = 0;

  /** @param source of the C program. @throws Error where it does not compile. */
  constructor(source: string) {
    execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', this.#timer, source]);
  }

  /** Keeps a program as a file. @returns its path, for {@link time}. */
  keep(program: Uint8Array): string {
    const path = join(this.#directory, `${this.#programs++}.bpf`);
    writeFileSync(path, program);
    return path;
  }

  /**
   * @param programs from {@link keep}, or `none`; their processes take turns.
   * @param names of calls, as the C program has them.
   * @returns nanoseconds of one call, by name and program.
   * @throws Error when a filter refuses one of them.
   */
  time(
    programs: readonly string[],
    names: readonly string[],
    { chunks, calls }: CallCount,
  ): readonly (readonly number[])[] {
    const args = [`${chunks}`, `${calls}`, ...programs, '--', ...names];
    const { status, signal, stdout, stderr } = spawnSync(this.#timer, args, {
      encoding: 'utf8',
      timeout: LIMIT_MS,
    });
    if (status !== 0) {
      throw new Error(`seccomp_cost ended with ${signal ?? status}: ${stderr}`);
    }
    return stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t').slice(1).map(Number));
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }
}
