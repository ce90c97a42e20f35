import type { InterruptLine } from '../../../src/bus/bus-device.ts';

/** Remembers the level of an interrupt line and how often it rose. */
export class RecordingLine implements InterruptLine {
  isAsserted = false;
  risingEdges = 0;

  setLevel(asserted: boolean): void {
    if (asserted && !this.isAsserted) {
      this.risingEdges++;
    }
    this.isAsserted = asserted;
  }
}
