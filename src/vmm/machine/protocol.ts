/**
 * Messages between the main thread and the machine thread. Both are this program: typed, not checked.
 *
 * The machine thread never returns to Node's event loop; the main thread posts and then signals an eventfd that the
 * machine thread's epoll watches.
 */
import type { DeviceRequest } from '../../jail/profile.ts';
import type { MemoryRegion } from '../../memory/guest-memory.ts';
import type { AddressRange } from '../../memory/layout.ts';
import type { SerialConfig } from '../config.ts';
import type { SerialEndpoints } from '../serial/endpoints.ts';

/** The parent's ends of one vCPU's pipes. */
export interface VcpuPipeEnds {
  readonly requestFd: number;
  readonly replyFd: number;
}

/** What all vCPUs share with the machine thread. */
export interface VcpuSharing {
  /** A vCPU's descriptor, borrowed, to map the ring of collected writes from; each vCPU has the same one. */
  readonly ringFd: number;
  /** Made by `VcpuControl.allocate`. */
  readonly control: SharedArrayBuffer;
}

/** A device process that has described itself. */
export interface DeviceSpec {
  /** `block vda` for example. */
  readonly name: string;
  /** Virtio device type (virtio 1.3 §5). */
  readonly virtioType: number;
  /** PCI class code, 0x018000 for example. */
  readonly pciClass: number;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config: Uint8Array;
  /** The parent's end of its socket; moved. */
  readonly channelFd: number;
  /** Host address of the page shared with it, mapped by the main thread. */
  readonly sharedPage: number;
  /** Types of the messages that its jail profile lets it send. */
  readonly requests: readonly DeviceRequest[];
}

/** What the machine thread is given to build the machine. All descriptors are the machine thread's from then on. */
export interface MachineSpec {
  readonly vmFd: number;
  readonly memory: readonly MemoryRegion[];
  readonly highMmio: AddressRange;
  readonly vcpus: readonly VcpuPipeEnds[];
  readonly sharing: VcpuSharing;
  readonly serial: readonly {
    readonly config: SerialConfig;
    readonly endpoints: SerialEndpoints;
  }[];
}

export interface MachineThreadData {
  /** Signalled after every message. */
  readonly wakeFd: number;
}

export type MachineRequest =
  /** The first one, unless the machine comes to nothing. */
  | { readonly type: 'build'; readonly spec: MachineSpec }
  /** Devices are added before the first vCPU runs, in the order of their PCI device numbers. */
  | { readonly type: 'addDevices'; readonly devices: readonly DeviceSpec[] }
  | { readonly type: 'powerButton' }
  | { readonly type: 'finish' };

export type MachineEvent =
  | { readonly type: 'devicesAdded' }
  | { readonly type: 'powerOff' }
  | { readonly type: 'reset'; readonly by: string }
  | { readonly type: 'panic' }
  /** A device process broke the protocol or (`isGone`) closed its socket; the index is that of `addDevices`. */
  | {
      readonly type: 'deviceLost';
      readonly index: number;
      readonly reason: string;
      readonly isGone: boolean;
    }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'finished'; readonly unhandledAccesses: number };
