/** Names of what `bench/scale.ts` measures, for the program and for the model that is made of its JSON. */

export const MACHINES = 'machines that ran side by side';
export const START_RATE = 'starts a second';
export const START_RATE_PER_CORE = 'starts a second and core';
export const START_CPU = 'CPU to start one';
export const PSS = 'memory of one, PSS';
export const HOST_MEMORY = 'memory of one, as the host has less of it';
export const GUEST_MEMORY = 'guest pages of one';
export const PAGE_TABLES = 'page tables of one';
export const KERNEL_MEMORY = 'kernel’s own memory of one';
export const IDLE_CPU = 'CPU of one while it sleeps';
export const IDLE_WAKE_UPS = 'wake-ups of one while it sleeps';
export const STOP = 'time to stop all';
export const PROCESSES = 'processes of one';
export const THREADS = 'threads of one';
export const DESCRIPTORS = 'descriptors of one';
export const DESCRIPTORS_MAX = 'descriptors of its largest process';
export const PIPES = 'pipes of one';
export const MAPPINGS_MAX = 'mappings of its largest process';
export const USER_NAMESPACES = 'user namespaces of one';
export const NET_NAMESPACES = 'network namespaces of one';

/** All of them, in the order of the document's table. */
export const FIGURES: readonly string[] = [
  MACHINES,
  START_RATE,
  START_RATE_PER_CORE,
  START_CPU,
  PSS,
  HOST_MEMORY,
  GUEST_MEMORY,
  PAGE_TABLES,
  KERNEL_MEMORY,
  IDLE_CPU,
  IDLE_WAKE_UPS,
  STOP,
  PROCESSES,
  THREADS,
  DESCRIPTORS,
  DESCRIPTORS_MAX,
  PIPES,
  MAPPINGS_MAX,
  USER_NAMESPACES,
  NET_NAMESPACES,
];

/** Units of the figures that are not plain counts. */
const UNITS: Readonly<Record<string, string>> = {
  [START_RATE]: 'machines a second',
  [START_RATE_PER_CORE]: 'machines a second',
  [START_CPU]: 'milliseconds',
  [PSS]: 'MiB',
  [HOST_MEMORY]: 'MiB',
  [GUEST_MEMORY]: 'MiB',
  [PAGE_TABLES]: 'MiB',
  [KERNEL_MEMORY]: 'MiB',
  [IDLE_CPU]: '% of a core',
  [IDLE_WAKE_UPS]: 'a second',
  [STOP]: 'milliseconds',
};

export function scaleUnit(figure: string): string {
  return UNITS[figure] ?? 'count';
}

export const CROSVM_SIDE = 'crosvm, jailed';
export const QEMU_SIDES = ['QEMU microvm', 'QEMU q35'] as const;
