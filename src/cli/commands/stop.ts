/** `crosvm stop SOCKET…`: ends machines at once, without telling their guests. */
import type { Command } from 'commander';
import { describeError } from '../../base/errors.ts';
import { log } from '../../base/log.ts';
import { ExitCode } from '../exit-codes.ts';
import type { Finish } from '../main.ts';

async function stopMachine(socket: string): Promise<boolean> {
  try {
    const { requestMachine } = await import('../../control/client.ts');
    const { CONTROL_VERSION } = await import('../../control/protocol.ts');
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
    .action(async (sockets: string[]) => {
      const answers = await Promise.all(sockets.map(stopMachine));
      const stopped = answers.filter((isStopped) => isStopped).length;
      finish(stopped === sockets.length ? ExitCode.Ok : ExitCode.Failure);
    });
}
