/** How each VMM is started with the same guest, the same disks and the same size. */
import { spawnSync } from 'node:child_process';
import { CROSVM, guestImage, referenceProgram } from './paths.ts';
import type { Command } from './run.ts';

export const MEMORY_MIB = 256;
const QEMU = 'qemu-system-x86_64';

/** A disk of the guest. */
export interface Disk {
  readonly path: string;
  readonly writable: boolean;
  /** Request queues; one where this is absent. */
  readonly queues?: number;
}

/** The guest's own part of a machine. */
export interface Machine {
  /** Words for the guest: programs and their options. */
  readonly words: string;
  readonly disks?: readonly Disk[];
  /** File for the guest's console instead of the program's standard output. */
  readonly consolePath?: string;
}

/** How our own devices run. */
export interface CrosvmOptions {
  readonly sandbox: boolean;
  /** Past the host's page cache; through it where this is absent. */
  readonly direct?: boolean;
  /** Another build. */
  readonly program?: string;
}

function crosvmDisk(disk: Disk, direct: boolean): string {
  const access = disk.writable ? [] : ['ro'];
  const cache = direct ? ['direct'] : [];
  return [disk.path, ...access, ...cache, `queues=${disk.queues ?? 1}`].join(',');
}

function consoleOf({ consolePath }: Machine): Pick<Command, 'consolePath'> {
  return consolePath === undefined ? {} : { consolePath };
}

export function crosvm(machine: Machine, options: CrosvmOptions): Command {
  const disks = (machine.disks ?? []).flatMap((disk) => [
    '--block',
    crosvmDisk(disk, options.direct ?? false),
  ]);
  const sandbox = options.sandbox ? [] : ['--disable-sandbox'];
  return {
    ...consoleOf(machine),
    program: options.program ?? CROSVM,
    args: ['--log-level', 'warn', 'run', ...sandbox, '-m', `${MEMORY_MIB}`, ...disks].concat([
      '--serial',
      machine.consolePath === undefined
        ? 'type=stdout,num=1'
        : `type=file,path=${machine.consolePath},num=1`,
      '-p',
      machine.words,
      guestImage(),
    ]),
  };
}

/** How QEMU reads its disks. */
export interface QemuDiskOptions {
  readonly cache: 'none' | 'writeback';
  readonly aio: 'threads' | 'native' | 'io_uring';
}

function qemuBase(machine: Machine, board: readonly string[]): string[] {
  return [
    ...['-accel', 'kvm', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-m', `${MEMORY_MIB}`, '-kernel', guestImage()],
    ...['-serial', machine.consolePath === undefined ? 'stdio' : `file:${machine.consolePath}`],
    // Guest memory of the same kind as ours: shared between processes.
    ...['-object', `memory-backend-memfd,id=ram,size=${MEMORY_MIB}M,share=on`],
    ...board,
    ...['-append', machine.words],
  ];
}

function qemuDrive(disk: Disk, index: number, options: QemuDiskOptions): string {
  const access = disk.writable ? 'off' : 'on';
  return `file=${disk.path},if=none,id=d${index},format=raw,readonly=${access},cache=${options.cache},aio=${options.aio}`;
}

function qemuBlockDevice(disk: Disk, index: number): string {
  const queues = disk.queues ?? 1;
  return `virtio-blk-pci,drive=d${index},iothread=io${index},disable-legacy=on,num-queues=${queues}`;
}

/** QEMU q35 with qboot, its quickest firmware for that board; every disk has an iothread. */
export function qemuQ35(machine: Machine, options: QemuDiskOptions): Command {
  const disks = (machine.disks ?? []).flatMap((disk, index) => [
    ...['-object', `iothread,id=io${index}`],
    ...['-drive', qemuDrive(disk, index, options)],
    ...['-device', qemuBlockDevice(disk, index)],
  ]);
  const board = ['-M', 'q35,memory-backend=ram', '-bios', 'qboot.rom'];
  const rng = ['-device', 'virtio-rng-pci,disable-legacy=on'];
  const args = qemuBase(machine, [...board, ...rng, ...disks]);
  return { ...consoleOf(machine), program: QEMU, args };
}

/** QEMU microvm, its board for a quick start: virtio-mmio devices, no PCI. */
export function qemuMicrovm(machine: Machine, options: QemuDiskOptions): Command {
  const disks = (machine.disks ?? []).flatMap((disk, index) => [
    ...['-drive', qemuDrive(disk, index, options)],
    ...['-device', `virtio-blk-device,drive=d${index}`],
  ]);
  const board = ['-M', 'microvm,memory-backend=ram', '-bios', 'qboot.rom'];
  const rng = ['-device', 'virtio-rng-device'];
  const args = qemuBase(machine, [...board, ...rng, ...disks]);
  return { ...consoleOf(machine), program: QEMU, args };
}

/** The C reference; see bench/reference/kvm_reference.c. */
export function reference(machine: Machine, answer: 'direct' | 'pipe'): Command {
  return { program: referenceProgram(), args: [answer, guestImage(), machine.words] };
}

/** QEMU's version, or undefined where there is none. */
export function qemuVersion(): string | undefined {
  const { status, stdout } = spawnSync(QEMU, ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n')[0] : undefined;
}
