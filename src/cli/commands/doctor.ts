/** `crosvm doctor`: what of this host works, and what to do about the rest. */
import type { Command } from 'commander';
import { ExitCode } from '../exit-codes.ts';
import type { Finish } from '../main.ts';

export function addDoctorCommand(program: Command, finish: Finish): void {
  program
    .command('doctor')
    .description('Probe this host: what works, what does not, and what to do about it.')
    .option('--json', 'print the findings as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const { formatDoctor, isHostUsable, probeHost } = await import('../../doctor/doctor.ts');
      const checks = probeHost();
      process.stdout.write(`${formatDoctor(checks, { json: options.json === true })}\n`);
      finish(isHostUsable(checks) ? ExitCode.Ok : ExitCode.Failure);
    });
}
