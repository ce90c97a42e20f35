/** A shell on a terminal of its own, made by script(1). */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cleanup } from './crosvm-process.ts';
import { findDescendants, killProcess, listProcesses } from './process-tree.ts';

/** Why there can be no terminal; undefined when there can. */
export function terminalUnavailable(): string | undefined {
  return spawnSync('script', ['--version']).status === 0 ? undefined : 'script(1) is not installed';
}

export class TerminalSession {
  readonly #child: ChildProcess;
  #output = '';

  /** @param shellScript for sh, whose standard streams are the terminal. */
  constructor(shellScript: string) {
    this.#child = spawn('script', ['--quiet', '--command', shellScript, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, SHELL: '/bin/sh' },
    });
    this.#child.stdout?.setEncoding('latin1').on('data', (text: string) => {
      this.#output += text;
    });
  }

  /** Types on the terminal. */
  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** @throws Error with what the terminal shows when the text does not come in time. */
  async waitFor(text: string, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!this.#output.includes(text)) {
      if (performance.now() > deadline) {
        throw new Error(`"${text}" did not come; the terminal shows:\n${this.#output}`);
      }
      await sleep(10);
    }
  }

  /** True for the shell that the script runs in. */
  isShell(pid: number): boolean {
    return listProcesses().some((entry) => entry.pid === pid && entry.parent === this.#child.pid);
  }

  /** The terminal's settings as `stty -g` prints them. */
  mode(): string {
    const [shell = 0] = findDescendants(this.#child.pid ?? 0);
    const terminal = readlinkSync(`/proc/${shell}/fd/0`);
    return execFileSync('stty', ['-g', '-F', terminal], { encoding: 'utf8' }).trim();
  }

  /** Kills everything on the terminal. */
  async close(): Promise<void> {
    const pid = this.#child.pid;
    if (pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null) {
      findDescendants(pid).forEach(killProcess);
      this.#child.kill('SIGKILL');
      await new Promise((resolve) => this.#child.once('close', resolve));
    }
  }
}

/** Starts a shell script on a terminal of its own; the test's end kills what is left of it. */
export function spawnOnTerminal(t: Cleanup, shellScript: string): TerminalSession {
  const session = new TerminalSession(shellScript);
  t.teardown(() => session.close());
  return session;
}
