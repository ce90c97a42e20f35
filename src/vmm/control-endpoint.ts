/** The control socket of a running machine, and the janitor that removes it behind a killed parent. */
import { ConfigError } from '../base/errors.ts';
import type { ControlServer } from '../control/server.ts';
import { clearStaleSocket, resolveSocketPath } from '../control/socket-path.ts';
import type { BuildContext } from './build-context.ts';
import { Janitor, needsJanitor } from './janitor.ts';

export class ControlEndpoint {
  readonly #context: BuildContext;
  readonly #path: string | undefined;
  readonly #janitor: Janitor | undefined;

  /**
   * Makes sure that the socket's path is free, and starts the janitor.
   *
   * @throws ERR_SOCKET_IN_USE, ERR_SOCKET_NOT_A_SOCKET
   */
  constructor(context: BuildContext) {
    this.#context = context;
    const { socketPath, serial } = context.config;
    this.#path = socketPath === undefined ? undefined : resolveSocketPath(socketPath, process.pid);
    if (this.#path !== undefined) {
      clearStaleSocket(this.#path);
    }
    const readsStdin = serial.some((port) => port.stdin);
    if (needsJanitor(this.#path, readsStdin)) {
      const janitor = new Janitor(this.#path ?? '');
      context.scope.defer('janitor', () => janitor.dismiss());
      this.#janitor = janitor;
    }
  }

  /**
   * Listens. From here on the terminal may be changed, too.
   *
   * @throws ERR_SOCKET_PATH
   */
  async open(): Promise<void> {
    await this.#janitor?.ready;
    if (this.#path !== undefined) {
      const server = await this.#listen(this.#path);
      this.#context.scope.defer('control socket', () => {
        server[Symbol.dispose]();
      });
      this.#janitor?.watchSocket(this.#path);
    }
  }

  async #listen(path: string): Promise<ControlServer> {
    const { ControlServer } = await import('../control/server.ts');
    const { epoll, end } = this.#context;
    try {
      return new ControlServer(path, epoll, (request) => {
        switch (request.type) {
          case 'stop':
            end.raise({ kind: 'stop' });
            return { type: 'ok' };
          case 'ping':
            return { type: 'pong', pid: process.pid };
        }
      });
    } catch (cause) {
      throw new ConfigError('ERR_SOCKET_PATH', `--socket ${path}: no socket can be made there`, {
        cause,
      });
    }
  }
}
