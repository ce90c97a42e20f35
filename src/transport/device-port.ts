/** The parent's handle on the process that runs a device: the little that crosses the line. */
import type { QueueSetup } from '../ipc/device-protocol.ts';

/** Satisfied by the proxy of a device process. No call waits. */
export interface DevicePort {
  /**
   * The driver is ready. The eventfds of the queues are those of the transport's `TransportEvents`, by queue index.
   *
   * @param features what both sides agreed on.
   * @param queues the queues that the driver enabled, addresses not yet checked against guest memory.
   */
  activate(features: bigint, queues: readonly QueueSetup[]): void;
  /** Stops the device; `PciTransport.onResetDone` must follow when it no longer touches guest memory. */
  reset(): void;
  /** The driver wrote device configuration; the device publishes what it makes of it. */
  writeConfig(offset: number, bytes: Uint8Array): void;
}
