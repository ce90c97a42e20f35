/**
 * The devices that a guest cannot find by itself: the PCI host bridge with its windows and interrupt wiring, ECAM,
 * serial ports, clock, panic device; and how to turn the machine off.
 *
 * Spec: ACPI 6.5 §5.2.11.1; PCI Firmware Specification 3.3 §4.
 */
import { ECAM_BUS_COUNT, ECAM_SIZE, ECAM_START } from '../../memory/layout.ts';
import {
  type PciInterruptRoute,
  type PlatformDescription,
  RTC_IRQ,
  S5_SLEEP_TYPE,
  type SerialPort,
} from '../platform.ts';
import { type Aml, concat, device, eisaId, integer, name, pkg, scope, string } from './aml.ts';
import {
  busWindow,
  fixedMemory,
  ioPorts,
  ioWindow,
  isaIrq,
  memoryWindow32,
  memoryWindow64,
  resourceTemplate,
} from './resources.ts';
import { buildTable } from './sdt.ts';

/** Revision 2 and later: integers have 64 bits. */
const REVISION = 2;

const CONFIG_PORTS = 0xcf8;
const CONFIG_PORT_COUNT = 8;
const IO_SPACE_END = 0x1_0000;
const CMOS_PORTS = 0x70;
const CMOS_PORT_COUNT = 2;
const UART_PORT_COUNT = 8;
const PVPANIC_PORT_COUNT = 1;
/** In `_PRT`, all functions of a device. */
const ANY_FUNCTION = 0xffff;
/** `_STA`: present, enabled, shown, working. */
const STATUS_WORKING = 0xf;

export function buildDsdt(platform: PlatformDescription): Uint8Array {
  const devices = [
    hostBridge(platform),
    configSpace(),
    ...platform.serialPorts.map(serialPort),
    clock(),
    ...(platform.pvpanicPort === undefined ? [] : [panicDevice(platform.pvpanicPort)]),
  ];
  return buildTable('DSDT', REVISION, concat(scope('\\_SB', ...devices), powerOff()));
}

function hostBridge(platform: PlatformDescription): Aml {
  const windows = [
    busWindow(ECAM_BUS_COUNT),
    // The bridge's own ports, taken out of what it passes on.
    ioPorts(CONFIG_PORTS, CONFIG_PORT_COUNT),
    ioWindow(0, CONFIG_PORTS),
    ioWindow(CONFIG_PORTS + CONFIG_PORT_COUNT, IO_SPACE_END),
    memoryWindow32(platform.lowMmio),
    ...(platform.highMmio === undefined ? [] : [memoryWindow64(platform.highMmio)]),
  ];
  const rootBusRoutes = platform.interruptRoutes.filter((route) => route.bus === 0);
  return device(
    'PCI0',
    name('_HID', eisaId('PNP0A08')),
    name('_CID', eisaId('PNP0A03')),
    name('_SEG', integer(0)),
    name('_BBN', integer(0)),
    name('_UID', integer(0)),
    name('_CRS', resourceTemplate(...windows)),
    name('_PRT', pkg(...rootBusRoutes.map(interruptRoute))),
  );
}

/** Device and function, pin, no link device, interrupt input. */
function interruptRoute(route: PciInterruptRoute): Aml {
  const address = route.device * 0x1_0000 + ANY_FUNCTION;
  return pkg(integer(address), integer(route.pin), integer(0), integer(route.gsi));
}

/** Reserves ECAM: a guest uses the MCFG only if a motherboard resource or the memory map backs it. */
function configSpace(): Aml {
  return device(
    'ECAM',
    name('_HID', eisaId('PNP0C02')),
    name('_CRS', resourceTemplate(fixedMemory({ start: ECAM_START, sizeBytes: ECAM_SIZE }))),
  );
}

function serialPort({ port, irq }: SerialPort, index: number): Aml {
  return device(
    `COM${index + 1}`,
    name('_HID', eisaId('PNP0501')),
    name('_UID', integer(index + 1)),
    name('_CRS', resourceTemplate(ioPorts(port, UART_PORT_COUNT), isaIrq(irq))),
  );
}

function clock(): Aml {
  return device(
    'RTC',
    name('_HID', eisaId('PNP0B00')),
    name('_CRS', resourceTemplate(ioPorts(CMOS_PORTS, CMOS_PORT_COUNT), isaIrq(RTC_IRQ))),
  );
}

function panicDevice(port: number): Aml {
  return device(
    'PEVT',
    name('_HID', string('QEMU0001')),
    name('_STA', integer(STATUS_WORKING)),
    name('_CRS', resourceTemplate(ioPorts(port, PVPANIC_PORT_COUNT))),
  );
}

/** `_S5`: the sleep types for the PM1a and PM1b control registers, and two that nobody uses. */
function powerOff(): Aml {
  const sleepType = integer(S5_SLEEP_TYPE);
  return name('\\_S5', pkg(sleepType, sleepType, integer(0), integer(0)));
}
