/** The command line of `crosvm`: commands, global options, and how errors end the process. */
import { Command, CommanderError, Option } from 'commander';
import { ConfigError, describeError } from '../base/errors.ts';
import { LOG_LEVELS, log, setLogLevel } from '../base/log.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addPolicyCommand } from './commands/policy.ts';
import { addRunCommand } from './commands/run.ts';
import { addStopCommand } from './commands/stop.ts';
import { addVersionCommand } from './commands/version.ts';
import { ExitCode } from './exit-codes.ts';

/** Sets the exit code; a command calls it last. */
export type Finish = (code: number) => void;

function buildProgram(finish: Finish): Command {
  const program = new Command('crosvm');
  program
    .description('Runs virtual machines whose devices each live in a jailed process of their own.')
    .option('--extended-status', 'exit with 32 for a reset, 33 for a crash, 34 for a guest panic')
    .addOption(
      new Option('--log-level <level>', 'least severe messages to show')
        .choices(LOG_LEVELS)
        .default('info'),
    )
    .hook('preAction', (command) => {
      const level = LOG_LEVELS.find((known) => known === command.opts()['logLevel']);
      setLogLevel(level ?? 'info');
    })
    .showSuggestionAfterError()
    .helpCommand(false)
    .configureHelp({ helpWidth: 100 })
    .exitOverride();
  addRunCommand(program, finish);
  addStopCommand(program, finish);
  addPolicyCommand(program, finish);
  addDoctorCommand(program, finish);
  addVersionCommand(program, finish);
  for (const command of program.commands) {
    command.exitOverride().showSuggestionAfterError();
  }
  return program;
}

/**
 * Runs one command and ends the process with its exit code.
 *
 * @param args the arguments after the program's name.
 */
export async function main(args: readonly string[]): Promise<void> {
  let code: number = ExitCode.Ok;
  const program = buildProgram((result) => {
    code = result;
  });
  try {
    if (args.length === 0) {
      program.outputHelp({ error: true });
      code = ExitCode.InvalidArguments;
    } else {
      await program.parseAsync(args, { from: 'user' });
    }
  } catch (error) {
    code = exitCodeOf(error);
  }
  process.exitCode = code;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) {
    // commander has already said what was wrong, or printed the help that was asked for.
    return error.exitCode === 0 ? ExitCode.Ok : ExitCode.InvalidArguments;
  }
  log('error', 'cli', describeError(error));
  return error instanceof ConfigError ? ExitCode.InvalidArguments : ExitCode.Failure;
}
