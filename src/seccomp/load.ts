/**
 * From a file name to a {@link Policy}: reads the policy and what it includes, collects every error, then gathers the
 * rules of each system call.
 */
import { dirname, isAbsolute, join, normalize } from 'node:path';
import {
  actionReturn,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
} from './actions.ts';
import type { IncludeDirective, Statement } from './ast.ts';
import { collectSyscalls } from './collect.ts';
import { type PolicyDiagnostic, PolicyError, type SourceSpan } from './diagnostics.ts';
import { endOfLine, type LogicalLine, logicalLines } from './lexer.ts';
import {
  type ParseContext,
  parseFrequencyLine,
  parseLine,
  refuseExtraAfterPath,
} from './parser.ts';
import type { Policy } from './policy.ts';
import { decodeSource, fileReader, type PolicyReader } from './source.ts';
import { type ArchName, targetFor } from './target.ts';
import { LineError, lineError } from './token-cursor.ts';
import { hintForInvalidToken } from './token-hints.ts';

/** Options that change what a policy means. */
export interface LoadOptions {
  readonly arch: ArchName;
  /**
   * Directories that stand for `/usr/share/policy/crosvm`, the place crosvm's policies name in their includes; tried
   * in order, then the path itself. Other paths are not affected.
   */
  readonly includeDirs?: readonly string[];
  /** Action word that overrides every `@default`; may be permissive. */
  readonly defaultAction?: string;
  /** Seccomp return value that overrides every `@default` and `defaultAction`, `SECCOMP_RET_USER_NOTIF` for example. */
  readonly defaultReturn?: number;
  /** `kill` ends the process, not the thread. */
  readonly useKillProcess?: boolean;
  /** `kill`, `return`, the wrong architecture and an unstated default only log. */
  readonly useRetLog?: boolean;
  /** The policy, and everything it includes, is a denylist. */
  readonly denylist?: boolean;
  /** How files are opened; the file system unless given. */
  readonly reader?: PolicyReader;
}

/** A policy and what should be said about its text. */
export interface LoadedPolicy {
  readonly policy: Policy;
  readonly warnings: readonly PolicyDiagnostic[];
}

/** Where crosvm installs its policies: the prefix in the include lines of its sources. */
export const INSTALLED_POLICY_DIR = '/usr/share/policy/crosvm/';

const EPERM = 1;
/** minijail's limit of 10, which counts one level more than there are files: the first file and 8 nested ones. */
const INCLUDE_DEPTH_MAX = 9;
/** Includes in all: a chain of doubling includes ends in an error, not in exhausted memory. */
const FILE_READS_MAX = 1000;
/** Bytes of one file. */
const FILE_SIZE_MAX = 4 * 1024 * 1024;

/**
 * Reads a policy and everything it includes.
 *
 * @param path of the policy, absolute or relative to the working directory.
 * @throws PolicyError ERR_POLICY_SYNTAX with every error of every file, in the order of reading;
 *   ERR_POLICY_UNREADABLE if the first file cannot be read; ERR_POLICY_OPTION for an unknown default action.
 */
export function loadPolicy(path: string, options: LoadOptions): LoadedPolicy {
  const loader = new PolicyLoader(path, options);
  return loader.load();
}

function killActionOf(options: LoadOptions): number {
  if (options.useRetLog === true) {
    return SECCOMP_RET_LOG;
  }
  if (options.denylist === true) {
    return SECCOMP_RET_ERRNO + EPERM;
  }
  return options.useKillProcess === true ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_KILL_THREAD;
}

class PolicyLoader {
  readonly #path: string;
  readonly #options: LoadOptions;
  readonly #reader: PolicyReader;
  readonly #context: ParseContext;
  readonly #errors: PolicyDiagnostic[] = [];
  readonly #warnings: PolicyDiagnostic[] = [];
  readonly #statements: Statement[] = [];
  readonly #frequencies = new Map<number, number>();
  readonly #files = new Set<string>();
  #fileReads = 0;
  #defaultAction: number | null = null;

  constructor(path: string, options: LoadOptions) {
    this.#path = path;
    this.#options = options;
    this.#reader = options.reader ?? fileReader;
    this.#context = {
      target: targetFor(options.arch),
      killAction: killActionOf(options),
      returnIsLog: options.useRetLog === true,
      denylist: options.denylist === true,
    };
  }

  load(): LoadedPolicy {
    const bytes = this.#read(this.#path);
    if (bytes === null) {
      const span = { file: this.#path, line: 1, column: 1, length: 1, text: '' };
      throw this.#failure(
        'ERR_POLICY_UNREADABLE',
        span,
        'cannot be read',
        'a policy file of at most 4 MiB',
      );
    }
    const overriding = this.#overridingDefault();
    this.#parseFile(this.#path, bytes, 1);
    this.#throwIfFailed();
    const syscalls = collectSyscalls(this.#statements, this.#frequencies, this.#errors);
    this.#throwIfFailed();
    const denylist = this.#context.denylist;
    const unstated = denylist ? SECCOMP_RET_ALLOW : this.#context.killAction;
    const defaultReturn = overriding ?? this.#defaultAction ?? unstated;
    const policy: Policy = {
      target: this.#context.target,
      file: this.#path,
      syscalls,
      defaultReturn,
      unnamedReturn: denylist ? SECCOMP_RET_ALLOW : defaultReturn,
      archMismatchReturn: this.#context.killAction,
      files: [...this.#files],
    };
    return { policy, warnings: this.#warnings };
  }

  #failure(code: string, span: SourceSpan, message: string, expected: string): PolicyError {
    return new PolicyError(code, [{ severity: 'error', span, message, expected }]);
  }

  #throwIfFailed(): void {
    if (this.#errors.length > 0) {
      throw new PolicyError('ERR_POLICY_SYNTAX', this.#errors);
    }
  }

  #overridingDefault(): number | null {
    const { defaultReturn, defaultAction } = this.#options;
    if (defaultReturn !== undefined) {
      return defaultReturn >>> 0;
    }
    if (defaultAction === undefined) {
      return null;
    }
    const value = actionReturn(defaultAction, this.#context.killAction);
    if (value === undefined) {
      const span = {
        file: '--default-action',
        line: 1,
        column: 1,
        length: defaultAction.length,
        text: defaultAction,
      };
      const expected = 'allow, kill, kill-process, kill-thread, log, trace, trap or user-notify';
      throw this.#failure(
        'ERR_POLICY_OPTION',
        { ...span, length: Math.max(1, span.length) },
        'invalid action',
        expected,
      );
    }
    return value;
  }

  #read(path: string): Uint8Array | null {
    const bytes = this.#reader.read(path);
    return bytes === null || bytes.length > FILE_SIZE_MAX ? null : bytes;
  }

  /** Runs one logical line; its error, if any, is kept and the next line goes on. */
  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof LineError)) {
        throw error;
      }
      this.#errors.push(error.diagnostic);
    }
  }

  /** Hands each logical line of a file to `visit`; invalid tokens become errors. */
  #forEachLine(
    file: string,
    bytes: Uint8Array,
    visit: (line: LogicalLine) => void,
  ): readonly string[] {
    this.#files.add(file);
    const source = decodeSource(bytes);
    if (!source.ok) {
      const { line, column, text } = source;
      const span = { file, line, column, length: 1, text };
      this.#errors.push({
        severity: 'error',
        span,
        message: 'invalid UTF-8',
        expected: 'UTF-8 text',
      });
      return [];
    }
    for (const line of logicalLines(file, source.lines)) {
      if (!('tokens' in line)) {
        this.#errors.push({
          severity: 'error',
          span: line.span,
          message: 'invalid token',
          expected: hintForInvalidToken(
            Array.from(line.span.text)
              .slice(line.span.column - 1)
              .join(''),
          ),
        });
        continue;
      }
      if (line.unterminated) {
        this.#warn(
          line.end,
          'the file ends after a backslash; minijail drops this statement',
          'a last line without it',
        );
      }
      this.#guarded(() => {
        visit(line);
      });
    }
    return source.lines;
  }

  #warn(span: SourceSpan, message: string, expected: string): void {
    this.#warnings.push({ severity: 'warning', span, message, expected });
  }

  #parseFile(file: string, bytes: Uint8Array, depth: number): void {
    const seen = new Set<string>();
    const lines = this.#forEachLine(file, bytes, (line) => {
      const parsed = parseLine(line, this.#context);
      seen.add(parsed.kind);
      switch (parsed.kind) {
        case 'statement':
          this.#statements.push(parsed);
          return;
        case 'default':
          this.#defaultAction = parsed.action;
          return;
        case 'denylist':
          return;
        case 'include':
          this.#include(file, parsed, line, depth);
          return;
        case 'frequency':
          this.#frequency(file, parsed, line);
          return;
      }
    });
    if (this.#context.denylist && !seen.has('denylist')) {
      const message = 'policy must contain @denylist flag to be compiled with --denylist flag.';
      const span = endOfLine(file, Math.max(1, lines.length), lines.at(-1) ?? '');
      this.#errors.push({
        severity: 'error',
        span,
        message,
        expected: '@denylist on a line of its own',
      });
    }
  }

  #include(file: string, directive: IncludeDirective, line: LogicalLine, depth: number): void {
    if (depth >= INCLUDE_DEPTH_MAX) {
      throw lineError(
        line.end,
        '@include statement nested too deep',
        'at most 8 files within the first',
      );
    }
    this.#fileReads++;
    if (this.#fileReads > FILE_READS_MAX) {
      throw lineError(directive.pathSpan, 'too many files included', `at most ${FILE_READS_MAX}`);
    }
    const { path, bytes } = this.#open(file, directive.path);
    if (bytes === null) {
      throw lineError(
        directive.pathSpan,
        `Could not @include ${path}`,
        'a regular file, relative to this one',
      );
    }
    this.#parseFile(path, bytes, depth + 1);
    refuseExtraAfterPath(line);
  }

  #frequency(file: string, directive: IncludeDirective, line: LogicalLine): void {
    const { path, bytes } = this.#open(file, directive.path);
    if (bytes === null) {
      const message = `Could not open frequency file ${path}`;
      throw lineError(directive.pathSpan, message, 'a regular file, relative to this one');
    }
    this.#forEachLine(path, bytes, (entryLine) => {
      const { syscalls, count } = parseFrequencyLine(entryLine, this.#context.target);
      for (const { number } of syscalls) {
        this.#frequencies.set(number, (this.#frequencies.get(number) ?? 0) + count);
      }
    });
    refuseExtraAfterPath(line);
  }

  /** Resolves a path of a directive and reads it; the path is also the name for messages. */
  #open(
    includer: string,
    path: string,
  ): { readonly path: string; readonly bytes: Uint8Array | null } {
    const own = resolvePath(includer, path);
    for (const candidate of [...this.#installedCandidates(own), own]) {
      const bytes = this.#read(candidate);
      if (bytes !== null) {
        return { path: candidate, bytes };
      }
    }
    return { path: own, bytes: null };
  }

  #installedCandidates(path: string): readonly string[] {
    if (!path.startsWith(INSTALLED_POLICY_DIR)) {
      return [];
    }
    const name = path.slice(INSTALLED_POLICY_DIR.length);
    return (this.#options.includeDirs ?? []).map((dir) => join(dir, name));
  }
}

/** Joins a path to the directory of the including file and normalises it. */
function resolvePath(includer: string, path: string): string {
  const joined = isAbsolute(path) ? path : join(dirname(includer), path);
  const normal = normalize(joined);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}
