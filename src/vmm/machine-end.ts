/** The ways in which a machine ends, told apart for messages and exit codes. */

export type MachineEnd =
  | { readonly kind: 'powerOff' }
  | { readonly kind: 'reset'; readonly by: string }
  | { readonly kind: 'tripleFault'; readonly vcpu: number }
  | { readonly kind: 'panic' }
  | { readonly kind: 'stop' }
  | { readonly kind: 'deviceDeath'; readonly message: string }
  | { readonly kind: 'signal'; readonly name: NodeJS.Signals; readonly number: number }
  | { readonly kind: 'vcpuFailed'; readonly message: string }
  | { readonly kind: 'hostFailed'; readonly message: string };

/** One line for the operator. */
export function describeEnd(end: MachineEnd): string {
  switch (end.kind) {
    case 'powerOff':
      return 'the guest powered off';
    case 'reset':
      return `the guest asked for a reset (${end.by})`;
    case 'tripleFault':
      return `vCPU ${end.vcpu} ended in a triple fault`;
    case 'panic':
      return 'the guest reported a kernel panic';
    case 'stop':
      return 'stopped by request';
    case 'signal':
      return `ended by ${end.name}`;
    case 'deviceDeath':
    case 'vcpuFailed':
    case 'hostFailed':
      return end.message;
  }
}

/** True for an end that somebody wanted, which is logged at a lower level. */
export function isOrderly(end: MachineEnd): boolean {
  return end.kind === 'powerOff' || end.kind === 'reset' || end.kind === 'stop';
}
