/** A machine for the firmware table tests, and what every table must satisfy. */
import type { PciInterruptPin, PlatformDescription } from '../../src/boot/platform.ts';

const PINS: readonly PciInterruptPin[] = [0, 1, 2, 3];

/** Four devices whose pins share four interrupt inputs from 9, all serial ports, a panic device. */
export const testPlatform: PlatformDescription = {
  vcpuCount: 4,
  lowMmio: { start: 0xd000_0000, sizeBytes: 0x2400_0000 },
  highMmio: { start: 2 ** 33, sizeBytes: 2 ** 36 },
  interruptRoutes: [1, 2, 3, 4].flatMap((device) =>
    PINS.map((pin) => ({ bus: 0, device, pin, gsi: 9 + ((device - 1 + pin) % 4) })),
  ),
  pmBase: 0x600,
  serialPorts: [
    { port: 0x3f8, irq: 4 },
    { port: 0x2f8, irq: 3 },
    { port: 0x3e8, irq: 4 },
    { port: 0x2e8, irq: 3 },
  ],
  pvpanicPort: 0x505,
  timerGsi: 2,
};

/** The sum of all bytes modulo 256: 0 in every table with a right checksum. */
export function byteSum(bytes: Uint8Array): number {
  return bytes.reduce((sum, byte) => (sum + byte) % 256, 0);
}

/** Text at an offset. */
export function textAt(bytes: Uint8Array, offset: number, length: number): string {
  return Buffer.from(bytes.subarray(offset, offset + length)).toString('latin1');
}

/** The bytes as a view for multi-byte fields. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
