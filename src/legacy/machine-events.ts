/** How the platform devices report that the machine ends, or wants to. */

/** Satisfied by the machine. Called in the machine thread, from inside a register write: note it and return. */
export interface MachineEvents {
  /** The guest switched the machine off (ACPI S5). */
  powerOff(): void;
  /** The guest asked for a reset; `source` names the register, `i8042` for example. */
  reset(source: string): void;
  /** The guest's kernel panicked and said so; `crashLoaded` when its crash kernel takes over and the machine goes on. */
  guestPanic(crashLoaded: boolean): void;
}
