/** A wired OR: several devices on one interrupt line, COM1 and COM3 on IRQ 4 for example. */
import type { InterruptLine } from '../bus/bus-device.ts';

/** The line is asserted while any of its inputs is. */
export class SharedLine {
  readonly #line: InterruptLine;
  #assertedInputs = 0;

  /** @param line the line that all inputs drive together. */
  constructor(line: InterruptLine) {
    this.#line = line;
  }

  /** A further input, not asserted at first. */
  input(): InterruptLine {
    let isAsserted = false;
    return {
      setLevel: (asserted) => {
        if (asserted !== isAsserted) {
          isAsserted = asserted;
          this.#assertedInputs += asserted ? 1 : -1;
          this.#line.setLevel(this.#assertedInputs > 0);
        }
      },
    };
  }
}
