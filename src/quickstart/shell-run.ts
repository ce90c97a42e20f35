/** The run on a terminal: a shell in the guest. */
import { describeDevices, type GuestRun, runArguments, waitForEnd } from './guest-run.ts';
import { startMachine } from './machine.ts';
import { saveTerminal } from './terminal.ts';

/** What the guest says just before its shell starts. */
const SHELL_MARK = /^guest: a shell on .*\n/m;

/**
 * Boots the guest, shows the device processes once it is up, and leaves the terminal to the guest's shell.
 *
 * @returns the exit status of `crosvm run`.
 */
export async function runShell(run: GuestRun): Promise<number> {
  const { rows, columns } = process.stdout;
  run.log('booting Linux; the machine powers off when you leave its shell');
  if (!run.isNested) {
    run.log(`to end it from another terminal: bin/crosvm stop ${run.socket}`);
  }
  const restoreTerminal = saveTerminal();
  let isUp = false;
  let early = '';
  try {
    const machine = startMachine({
      project: run.project,
      args: runArguments(run, ['guest.mode=shell', `guest.tty=${rows}x${columns}`]),
      ownsTerminal: true,
      onOutput: (text) => {
        process.stdout.write(text);
        early = isUp ? '' : early + text;
        if (!isUp && SHELL_MARK.test(early)) {
          isUp = true;
          // The terminal is in raw mode now.
          process.stdout.write(['', '', ...describeDevices(machine, run.project), ''].join('\r\n'));
        }
      },
    });
    return await waitForEnd(machine);
  } finally {
    restoreTerminal();
  }
}
