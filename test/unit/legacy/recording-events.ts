import type { MachineEvents } from '../../../src/legacy/machine-events.ts';

/** Remembers how the machine was asked to end. */
export class RecordingEvents implements MachineEvents {
  readonly calls: string[] = [];

  powerOff(): void {
    this.calls.push('power off');
  }

  reset(source: string): void {
    this.calls.push(`reset ${source}`);
  }

  guestPanic(crashLoaded: boolean): void {
    this.calls.push(`panic ${crashLoaded}`);
  }
}
