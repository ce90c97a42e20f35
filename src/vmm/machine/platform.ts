/** Puts the platform devices of a PC on the buses: serial ports, clock, keyboard controller, power, panic notifier. */

import { SCI_IRQ } from '../../boot/platform.ts';
import type { BusDevice, InterruptLine } from '../../bus/bus-device.ts';
import { KVM_CAP_COALESCED_PIO } from '../../hypervisor/caps.ts';
import type { Vm } from '../../hypervisor/vm.ts';
import { AcpiPm } from '../../legacy/acpi-pm.ts';
import { Cmos } from '../../legacy/cmos.ts';
import { Debugcon } from '../../legacy/debugcon.ts';
import { I8042 } from '../../legacy/i8042.ts';
import type { MachineEvents } from '../../legacy/machine-events.ts';
import { Pvpanic } from '../../legacy/pvpanic.ts';
import { type LineStatusBoard, Serial } from '../../legacy/serial.ts';
import { SharedLine } from '../../legacy/shared-line.ts';
import { HIGH_RAM_START } from '../../memory/layout.ts';
import { OwnedFd } from '../../sys/fd.ts';
import { VcpuControl } from '../../vcpu/control-block.ts';
import {
  PM_BASE_PORT,
  PVPANIC_PORT,
  RTC_IRQ,
  RTC_PORT,
  RTC_PORT_COUNT,
  SERIAL_IRQS,
  SERIAL_PORTS,
} from '../platform-ports.ts';
import { DescriptorInput } from '../serial/input.ts';
import { DescriptorOutput, discardOutput } from '../serial/output.ts';
import { createWriteRing } from './binders.ts';
import { CollectedWrites, type OutputDevice } from './collected-writes.ts';
import type { MachineLoop } from './loop.ts';
import type { MachineSpec } from './protocol.ts';

/** What platform devices are connected to. */
export interface PlatformContext {
  readonly loop: MachineLoop;
  readonly vm: Vm;
  readonly events: MachineEvents;
}

function interruptLine(vm: Vm, gsi: number): InterruptLine {
  return {
    setLevel: (asserted) => {
      vm.setIrqLine(gsi, asserted);
    },
  };
}

type SerialPortSpec = MachineSpec['serial'][number];

/** The output of a port; undefined for one whose output nobody wants. */
function openOutput(
  loop: MachineLoop,
  { endpoints }: SerialPortSpec,
): DescriptorOutput | undefined {
  if (endpoints.outputFd < 0) {
    return undefined;
  }
  const output = new DescriptorOutput(new OwnedFd(endpoints.outputFd), loop.epoll);
  loop.addOutput(output);
  return output;
}

/** Puts output ports on the bus: collected by KVM where it can. */
type AttachOutput = (port: number, device: OutputDevice) => BusDevice;

function createAttach({ loop, vm }: PlatformContext, { sharing }: MachineSpec): AttachOutput {
  if (vm.checkExtension(KVM_CAP_COALESCED_PIO) === 0) {
    return (_port, device) => device;
  }
  const writes = new CollectedWrites(createWriteRing(vm, sharing.ringFd));
  loop.pendingWrites = writes;
  return (port, device) => writes.attach(port, device);
}

function addDebugcons(
  { loop }: PlatformContext,
  ports: readonly SerialPortSpec[],
  attach: AttachOutput,
): void {
  for (const port of ports) {
    const start = port.config.debugconPort;
    const device = new Debugcon(openOutput(loop, port) ?? discardOutput);
    loop.pio.insert({ start, sizeBytes: 1 }, attach(start, device));
  }
}

/** The line status of a port, for the vCPUs. */
function lineStatusBoard({ sharing }: MachineSpec, start: number): LineStatusBoard {
  const ports = VcpuControl.publishedPorts(sharing.control);
  return {
    publish: (value) => {
      ports.publish(start + Serial.LINE_STATUS, value);
    },
  };
}

function addSerialPorts(
  { loop, vm }: PlatformContext,
  spec: MachineSpec,
  ports: readonly SerialPortSpec[],
  attach: AttachOutput,
): void {
  const lines = new Map<number, SharedLine>();
  for (const port of ports) {
    const { endpoints } = port;
    const index = port.config.num - 1;
    const start = SERIAL_PORTS[index];
    const irq = SERIAL_IRQS[index];
    if (start === undefined || irq === undefined) {
      continue;
    }
    const line = lines.get(irq) ?? new SharedLine(interruptLine(vm, irq));
    lines.set(irq, line);
    const output = openOutput(loop, port);
    const serial = new Serial({
      name: `serial${index}`,
      sink: output ?? discardOutput,
      interrupt: line.input(),
      lineStatus: lineStatusBoard(spec, start),
    });
    loop.pio.insert({ start, sizeBytes: Serial.PORT_COUNT }, attach(start, serial));
    if (output !== undefined) {
      output.onRoom = () => {
        serial.onSinkWritable();
      };
    }
    if (endpoints.inputFd >= 0) {
      loop.addOutput(new DescriptorInput(endpoints.inputFd, loop.epoll, serial));
    }
  }
}

/** What the main thread can do to the platform of a running machine. */
export interface Platform {
  readonly acpiPm: AcpiPm;
}

/** Adds everything that every machine has. */
export function addPlatform(context: PlatformContext, spec: MachineSpec): Platform {
  const { loop, vm, events } = context;
  const ofHardware = (hardware: 'serial' | 'debugcon'): readonly SerialPortSpec[] =>
    spec.serial.filter(({ config }) => config.hardware === hardware);
  const attach = createAttach(context, spec);
  addSerialPorts(context, spec, ofHardware('serial'), attach);
  addDebugcons(context, ofHardware('debugcon'), attach);
  const i8042 = new I8042(events);
  loop.pio.insert({ start: I8042.DATA_PORT, sizeBytes: 1 }, i8042.data);
  loop.pio.insert({ start: I8042.COMMAND_PORT, sizeBytes: 1 }, i8042.command);
  const ram = (isHigh: boolean): number =>
    spec.memory.reduce(
      (sum, region) => (region.start >= HIGH_RAM_START === isHigh ? sum + region.sizeBytes : sum),
      0,
    );
  const cmos = new Cmos({
    lowRamBytes: ram(false),
    highRamBytes: ram(true),
    interrupt: interruptLine(vm, RTC_IRQ),
  });
  loop.pio.insert({ start: RTC_PORT, sizeBytes: RTC_PORT_COUNT }, cmos);
  const acpiPm = new AcpiPm(events, interruptLine(vm, SCI_IRQ));
  loop.pio.insert({ start: PM_BASE_PORT, sizeBytes: AcpiPm.PORT_COUNT }, acpiPm);
  loop.pio.insert({ start: PVPANIC_PORT, sizeBytes: 1 }, new Pvpanic(events));
  return { acpiPm };
}
