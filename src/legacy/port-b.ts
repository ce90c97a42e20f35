/**
 * System control port B at 0x61, for machines whose timer is not in the kernel.
 *
 * It always reads with the output of timer channel 2 high: a guest that calibrates its clock by that channel would
 * otherwise wait for ever.
 */
import { type AccessSize, allOnes, type BusDevice } from '../bus/bus-device.ts';

/** The port that {@link PortB} answers. */
export const PORT_B = 0x61;

const TIMER2_OUTPUT = 0x20;

/** One port of one byte; writes (speaker gate and data) go nowhere. */
export class PortB implements BusDevice {
  readonly name = 'port-b';

  read(_offset: number, size: AccessSize): number {
    return size === 1 ? TIMER2_OUTPUT : allOnes(size);
  }

  write(): void {
    // There is no speaker.
  }
}
