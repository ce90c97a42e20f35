/**
 * The loop of one vCPU: into the guest, out with an exit, ask the machine thread, back in. The hottest code of the
 * parent; it allocates nothing per exit.
 *
 * `struct kvm_run` is the kernel's, in memory that this process shares with it; what the guest controls in it are
 * port, address and data of an access, which only the buses of the machine thread interpret (KVM API §5).
 */
import { ExitKind } from '../ipc/exit-frame.ts';
import type { ExitPipe } from '../ipc/exit-pipe.ts';
import type { PublishedPorts } from '../ipc/published-ports.ts';
import type { VcpuControl } from './control-block.ts';
import { VcpuState } from './control-block.ts';

/** Why a vCPU left its loop for good. */
export type VcpuEnd =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'shutdown' }
  | { readonly kind: 'systemEvent'; readonly event: number }
  | { readonly kind: 'failed'; readonly reason: number }
  | { readonly kind: 'machineGone' };

/** The part of a vCPU that the loop needs; satisfied by the hypervisor's VcpuFd. */
export interface RunnableVcpu {
  /** `struct kvm_run` and what follows it in the mapping. */
  readonly runState: DataView;
  /** Runs the guest until it needs something: a KVM_EXIT_* reason, or -1 when a kick or signal came first. */
  run(): number;
}

const IMMEDIATE_EXIT = 1;
/** Offsets of the union that follows the header of `struct kvm_run`. */
const IO_DIRECTION = 32;
const IO_SIZE = 33;
const IO_PORT = 34;
const IO_COUNT = 36;
const IO_DATA_OFFSET = 40;
const MMIO_ADDRESS_LOW = 32;
const MMIO_ADDRESS_HIGH = 36;
const MMIO_DATA_LOW = 40;
const MMIO_DATA_HIGH = 44;
const MMIO_LENGTH = 48;
const MMIO_IS_WRITE = 52;
const SYSTEM_EVENT_TYPE = 32;

const KVM_EXIT_IO = 2;
const KVM_EXIT_HLT = 5;
const KVM_EXIT_MMIO = 6;
const KVM_EXIT_SHUTDOWN = 8;
const KVM_EXIT_INTR = 10;
const KVM_EXIT_SYSTEM_EVENT = 24;
const IO_OUT = 1;
const INTERRUPTED = -1;

/** Runs a vCPU until it is told to stop or cannot go on. */
export function runVcpu(vcpu: RunnableVcpu, pipe: ExitPipe, control: VcpuControl): VcpuEnd {
  const view = vcpu.runState;
  const ports = control.publishedPorts;
  for (;;) {
    if (control.wanted !== VcpuState.Run) {
      if (control.wanted === VcpuState.Stop) {
        return { kind: 'stopped' };
      }
      control.setPresent(VcpuState.Pause);
      control.waitWhilePaused();
      continue;
    }
    if (control.present !== VcpuState.Run) {
      control.setPresent(VcpuState.Run);
    }
    const reason = vcpu.run();
    if (reason === INTERRUPTED) {
      // Kicked. ORDER: cleared before the wanted state is read above; a kick in between sets it again.
      view.setUint8(IMMEDIATE_EXIT, 0);
      continue;
    }
    control.countExit(reason);
    if (reason === KVM_EXIT_IO) {
      if (!handleIo(view, pipe, ports)) {
        return { kind: 'machineGone' };
      }
    } else if (reason === KVM_EXIT_MMIO) {
      if (!handleMmio(view, pipe)) {
        return { kind: 'machineGone' };
      }
    } else if (reason !== KVM_EXIT_INTR && reason !== KVM_EXIT_HLT) {
      return endOf(reason, view);
    }
  }
}

function endOf(reason: number, view: DataView): VcpuEnd {
  if (reason === KVM_EXIT_SHUTDOWN) {
    return { kind: 'shutdown' };
  }
  if (reason === KVM_EXIT_SYSTEM_EVENT) {
    return { kind: 'systemEvent', event: view.getUint32(SYSTEM_EVENT_TYPE, true) };
  }
  return { kind: 'failed', reason };
}

function readValue(view: DataView, at: number, size: number): number {
  return size === 1
    ? view.getUint8(at)
    : size === 2
      ? view.getUint16(at, true)
      : view.getUint32(at, true);
}

function writeValue(view: DataView, at: number, size: number, value: number): void {
  if (size === 1) {
    view.setUint8(at, value);
  } else if (size === 2) {
    view.setUint16(at, value, true);
  } else {
    view.setUint32(at, value, true);
  }
}

/** `in` and `out`; a string instruction comes as one exit with up to a page of elements. */
function handleIo(view: DataView, pipe: ExitPipe, ports: PublishedPorts): boolean {
  const size = view.getUint8(IO_SIZE);
  const port = view.getUint16(IO_PORT, true);
  const count = view.getUint32(IO_COUNT, true);
  const isOut = view.getUint8(IO_DIRECTION) === IO_OUT;
  let at = view.getUint32(IO_DATA_OFFSET, true);
  for (let element = 0; element < count; element++, at += size) {
    if (isOut) {
      if (!pipe.exchange(ExitKind.PioWrite, size, port, 0, readValue(view, at, size), 0)) {
        return false;
      }
      continue;
    }
    const published = size === 1 ? ports.read(port) : -1;
    if (published >= 0) {
      view.setUint8(at, published);
      continue;
    }
    if (!pipe.exchange(ExitKind.PioRead, size, port, 0, 0, 0)) {
      return false;
    }
    writeValue(view, at, size, pipe.valueLow);
  }
  return true;
}

function handleMmio(view: DataView, pipe: ExitPipe): boolean {
  const size = view.getUint32(MMIO_LENGTH, true);
  const low = view.getUint32(MMIO_ADDRESS_LOW, true);
  const high = view.getUint32(MMIO_ADDRESS_HIGH, true);
  if (view.getUint8(MMIO_IS_WRITE) !== 0) {
    // Bytes beyond the length are left over from earlier exits.
    const valueLow = readValue(view, MMIO_DATA_LOW, Math.min(size, 4));
    const valueHigh = size > 4 ? view.getUint32(MMIO_DATA_HIGH, true) : 0;
    return pipe.exchange(ExitKind.MmioWrite, size, low, high, valueLow, valueHigh);
  }
  if (!pipe.exchange(ExitKind.MmioRead, size, low, high, 0, 0)) {
    return false;
  }
  view.setUint32(MMIO_DATA_LOW, pipe.valueLow, true);
  view.setUint32(MMIO_DATA_HIGH, pipe.valueHigh, true);
  return true;
}
