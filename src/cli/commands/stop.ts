/** `crosvm stop SOCKET…`: ends machines at once, without telling their guests. */
import type { Command } from 'commander';
import { describeError } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import { requestMachine } from '../../control/client.ts';
import { CONTROL_VERSION } from '../../control/protocol.ts';
import { ExitCode } from '../exit-codes.ts';
import type { Finish } from '../main.ts';

function stopMachine(socket: string): boolean {
  try {
    const response = requestMachine(socket, { type: 'stop', version: CONTROL_VERSION });
    if (response.type === 'ok') {
      return true;
    }
    log('error', 'stop', response.type === 'error' ? response.message : 'unexpected response');
  } catch (error) {
    log('error', 'stop', describeError(error));
  }
  return false;
}

export function addStopCommand(program: Command, finish: Finish): void {
  program
    .command('stop')
    .description('Stop machines at once; their guests are not notified.')
    .argument('<socket...>', 'control sockets of the machines (run --socket)')
    .action((sockets: string[]) => {
      const stopped = sockets.filter(stopMachine).length;
      finish(stopped === sockets.length ? ExitCode.Ok : ExitCode.Failure);
    });
}
