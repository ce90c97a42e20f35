/** `crosvm run [OPTIONS] KERNEL`: builds a machine, runs it to its end, and says how it ended. */
import { type Command, Option } from 'commander';
import { exitCodeForEnd } from '../exit-codes.ts';
import type { Finish } from '../main.ts';
import { type DiskArgument, parseRunArguments } from '../run-options.ts';

/** Disk options may be mixed, and their order is that of the guest's disks. */
function diskOption(flags: string, description: string, disks: DiskArgument[]): Option {
  const option = new Option(flags, description);
  return option.argParser((value: string) => {
    disks.push({ option: option.long ?? '', value });
    return value;
  });
}

/** For options that may be given several times. */
function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

interface RunOptions {
  readonly cpus?: string;
  readonly mem?: string;
  readonly params?: readonly string[];
  readonly initrd?: string;
  readonly serial?: readonly string[];
  readonly socket?: string;
  readonly rng: boolean;
  readonly disableSandbox?: boolean;
  readonly seccompPolicyDir?: string;
}

export function addRunCommand(program: Command, finish: Finish): void {
  const disks: DiskArgument[] = [];
  program
    .command('run')
    .description('Run a machine. KERNEL is an ELF vmlinux, a bzImage or a PVH image.')
    .argument('<KERNEL>', 'kernel image, its kind told by its content')
    .option('-c, --cpus <N>', 'number of virtual CPUs (default: 1)')
    .option('-m, --mem <MIB>', 'guest memory in MiB (default: 256)')
    .option('-p, --params <PARAMS>', 'kernel command line words; repeatable', collect)
    .option('-i, --initrd <PATH>', 'initial RAM disk')
    .addOption(diskOption('-r, --root <PATH>', 'root disk, read-only', disks))
    .addOption(diskOption('--rwroot <PATH>', 'root disk, writable', disks))
    .addOption(diskOption('-d, --disk <PATH>', 'further disk, read-only', disks))
    .addOption(diskOption('--rwdisk <PATH>', 'further disk, writable', disks))
    .addOption(
      diskOption('-b, --block <KEYS>', 'disk: [path=]PATH[,ro][,root][,direct][,id=ID]…', disks),
    )
    .option('--serial <KEYS>', 'serial port: type=stdout|file|unix|sink[,num=1..4]…', collect)
    .option('-s, --socket <PATH>', 'control socket, or a directory to put it in')
    .option('--no-rng', 'leave out the entropy device')
    .option('--disable-sandbox', 'run devices in this process, unjailed: for debugging only')
    .option('--seccomp-policy-dir <DIR>', 'take the devices’ policies from DIR')
    .action(async (kernel: string, options: RunOptions, command: Command) => {
      const { disableSandbox, params = [], serial = [], ...rest } = options;
      const config = parseRunArguments({
        ...rest,
        params,
        serial,
        kernel,
        disks,
        sandbox: disableSandbox !== true,
      });
      const { runMachine } = await import('../../vmm/run-machine.ts');
      const end = await runMachine(config);
      const extended = command.optsWithGlobals()['extendedStatus'] === true;
      finish(exitCodeForEnd(end, extended));
    });
}
