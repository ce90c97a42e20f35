/** The command line of the QEMU that emulates the nested host. */
import type { HostImages } from './host-images.ts';

/** Size of the nested host and the directories that it shares with this machine. */
export interface NestedMachine {
  readonly images: HostImages;
  readonly memoryMib: number;
  readonly cpus: number;
  /** Becomes /run/nested-host in there: the command goes in, its status comes out. */
  readonly exchange: string;
  /** Becomes /out in there. */
  readonly out: string;
  /** Gets the kernel's own console. */
  readonly consoleLog: string;
}

/** The console of the command is QEMU's standard input and output; nothing else of QEMU's shows. */
export function qemuArguments(machine: NestedMachine): string[] {
  return [
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max,svm=on', '-M', 'q35'],
    ...['-smp', String(machine.cpus), '-m', String(machine.memoryMib)],
    ...['-nodefaults', '-display', 'none', '-no-reboot'],
    ...['-kernel', machine.images.kernel, '-initrd', machine.images.initrd],
    ...['-append', 'console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off'],
    ...['-serial', `file:${escapeComma(machine.consoleLog)}`],
    ...['-device', 'virtio-serial-pci', '-chardev', 'stdio,id=console,signal=off'],
    ...['-device', 'virtconsole,chardev=console'],
    ...share('root', '/', ',readonly=on,multidevs=remap'),
    ...share('exchange', machine.exchange, ''),
    ...share('out', machine.out, ''),
  ];
}

function share(tag: string, path: string, options: string): string[] {
  return [
    ...['-fsdev', `local,id=${tag},path=${escapeComma(path)},security_model=none${options}`],
    ...['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ];
}

/** A comma in a value of QEMU's is written twice. */
function escapeComma(value: string): string {
  return value.replaceAll(',', ',,');
}
