/** I/O ports and interrupts of the platform devices, as both the buses and the firmware tables have them. */

/** First ports of COM1 to COM4, and their interrupts: two ports share each. */
export const SERIAL_PORTS = [0x3f8, 0x2f8, 0x3e8, 0x2e8] as const;
export const SERIAL_IRQS = [4, 3, 4, 3] as const;
export const RTC_PORT = 0x70;
export const RTC_PORT_COUNT = 2;
export const RTC_IRQ = 8;
/** ACPI power management block. */
export const PM_BASE_PORT = 0x600;
/** The panic notifier's port, as QEMU has it. */
export const PVPANIC_PORT = 0x505;
