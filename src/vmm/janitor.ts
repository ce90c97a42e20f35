/**
 * A small shell process that outlives a parent which is killed (SIGKILL, out of memory) for as long as it takes to
 * put the terminal back and to remove the control socket: the two things that the kernel does not undo by itself.
 *
 * Its standard input is a pipe from the parent: end of file without a word means that the parent is gone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { isatty } from 'node:tty';

const STDIN = 0;

/**
 * `$1` is the socket's path, descriptor 3 the terminal or /dev/null. Line 1 of the input is the inode of the socket
 * once it exists, so that a path which by then belongs to another machine stays.
 */
const SCRIPT = `
trap '' TTOU HUP INT TERM QUIT
saved=
[ -t 3 ] && saved=$(stty -g <&3)
echo ready
read -r inode || inode=
[ "$inode" = done ] && exit 0
if [ -n "$inode" ]; then
  read -r word && exit 0
  [ "$(stat -c %i -- "$1" 2>/dev/null)" = "$inode" ] && rm -f -- "$1"
fi
[ -n "$saved" ] && stty "$saved" <&3
exit 0
`;

/** Must be started before the terminal is changed and before the socket exists. */
export class Janitor {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  /** Resolves when it knows the terminal's mode, so that it may be changed. */
  readonly ready: Promise<void>;

  /** @param socketPath empty for none. */
  constructor(socketPath: string) {
    this.#child = spawn('/bin/sh', ['-c', SCRIPT, 'crosvm-janitor', socketPath], {
      // A session of its own: the signals that a terminal sends are not for it.
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore', isatty(STDIN) ? STDIN : 'ignore'],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
    this.#exited = new Promise((resolve) => {
      // An error means that there is no shell: then nobody cleans up, and nothing else is lost.
      this.#child.once('error', () => {
        resolve();
      });
      this.#child.once('exit', () => {
        resolve();
      });
    });
    const said = new Promise<void>((resolve) => {
      this.#child.stdout?.once('data', () => {
        resolve();
      });
    });
    this.ready = Promise.race([said, this.#exited]);
    this.#child.stdin?.on('error', () => undefined);
  }

  /** The socket exists from now on. */
  watchSocket(path: string): void {
    this.#child.stdin?.write(`${statSync(path).ino}\n`);
  }

  /** Everything has been put back in order. */
  async dismiss(): Promise<void> {
    this.#child.stdin?.end('done\n');
    await this.#exited;
  }
}

/** True when there is something for a janitor to do. */
export function needsJanitor(socketPath: string | undefined, readsStdin: boolean): boolean {
  return socketPath !== undefined || (readsStdin && isatty(STDIN));
}
