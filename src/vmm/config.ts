/** What a machine is made of, as plain data: the command line's meaning, without its syntax. */

/** A device process to start: its kind in `devices/registry.ts`, and options that its module checks. */
export interface DeviceConfig {
  readonly kind: string;
  /** Tells devices of one kind apart in messages: `block` with `vda`. */
  readonly label: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Where the output of a serial port goes. */
export type SerialOutput =
  | { readonly type: 'stdout' }
  | { readonly type: 'sink' }
  | { readonly type: 'file'; readonly path: string }
  | { readonly type: 'unix'; readonly path: string };

/** One of the ports COM1 to COM4, or the debug console. */
export interface SerialConfig {
  readonly hardware: 'serial' | 'debugcon';
  /** 1 to 4. */
  readonly num: number;
  readonly output: SerialOutput;
  /** Input from this process's standard input. */
  readonly stdin: boolean;
  /** Input from a file. */
  readonly inputPath?: string;
  /** The kernel's console. */
  readonly console: boolean;
  /** First I/O port of a debug console. */
  readonly debugconPort: number;
}

/** Everything that `crosvm run` was asked for. */
export interface VmConfig {
  readonly kernelPath: string;
  readonly initrdPath?: string;
  /** Words for the kernel's command line, after the machine's own. */
  readonly params: readonly string[];
  readonly memoryBytes: number;
  readonly vcpuCount: number;
  /** In the order of their PCI device numbers. */
  readonly devices: readonly DeviceConfig[];
  /** The root disk as the kernel is told of it, if there is one. */
  readonly root?: { readonly device: string; readonly readOnly: boolean };
  readonly serial: readonly SerialConfig[];
  /** Path of the control socket. */
  readonly socketPath?: string;
  /** False for `--disable-sandbox`. */
  readonly sandbox: boolean;
  /** Where policies are taken from instead of those that were built in. */
  readonly seccompPolicyDirectory?: string;
}

/** Most vCPUs of one machine. */
export const VCPU_COUNT_MAX = 64;
/** Least and most RAM, in MiB: a Linux kernel needs the former, 46 address bits minus the MMIO windows set the latter. */
export const MEMORY_MIB_MIN = 32;
export const MEMORY_MIB_MAX = 16 * 1024 * 1024;

/** Name of the nth disk in a Linux guest: vda to vdz, then vdaa. */
export function diskName(index: number): string {
  let suffix = '';
  for (let rest = index + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) {
    suffix = String.fromCharCode(97 + ((rest - 1) % 26)) + suffix;
  }
  return `vd${suffix}`;
}
