/** Fills guest memory and sets the vCPUs up: kernel, initrd, firmware tables, registers. In the main thread. */
import { writeAcpiTables } from '../boot/acpi/tables.ts';
import { OpenBootFile } from '../boot/boot-file.ts';
import { buildCmdline } from '../boot/cmdline.ts';
import { type LoadedKernel, loadKernel } from '../boot/load-kernel.ts';
import { writeMpTable } from '../boot/mptable.ts';
import type { PlatformDescription } from '../boot/platform.ts';
import { writeSmbios } from '../boot/smbios.ts';
import { KVM_CAP_TSC_DEADLINE_TIMER } from '../hypervisor/caps.ts';
import type { Kvm } from '../hypervisor/kvm.ts';
import { VcpuFd } from '../hypervisor/vcpu-fd.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { type AddressRange, LOW_MMIO_END, LOW_MMIO_START } from '../memory/layout.ts';
import { intxGsi } from '../pci/intx.ts';
import { PCI_DEVICE_COUNT } from '../pci/pci-root.ts';
import { type BootEntry, setupVcpu, writeBootTables } from '../vcpu/boot-state.ts';
import { buildVcpuCpuid } from '../vcpu/cpuid.ts';
import type { VmConfig } from './config.ts';
import { PM_BASE_PORT, PVPANIC_PORT, SERIAL_IRQS, SERIAL_PORTS } from './platform-ports.ts';

/** The console that the kernel is told of: the first serial port that is one. */
function consoleName(config: VmConfig): string | undefined {
  const port = config.serial.find(({ console, hardware }) => console && hardware === 'serial');
  return port === undefined ? undefined : `ttyS${port.num - 1}`;
}

function buildKernelCmdline(config: VmConfig): string {
  const console = consoleName(config);
  const { root } = config;
  return buildCmdline({
    ...(console !== undefined && { console }),
    ...(root && { root: `root=${root.device} ${root.readOnly ? 'ro' : 'rw'}` }),
    params: config.params,
  });
}

/** What the firmware tables say of this machine. */
function describePlatform(config: VmConfig, highMmio: AddressRange): PlatformDescription {
  const devices = Array.from({ length: PCI_DEVICE_COUNT - 1 }, (_, index) => index + 1);
  return {
    vcpuCount: config.vcpuCount,
    lowMmio: { start: LOW_MMIO_START, sizeBytes: LOW_MMIO_END - LOW_MMIO_START },
    highMmio,
    interruptRoutes: devices.map((device) => ({ bus: 0, device, pin: 0, gsi: intxGsi(device) })),
    pmBase: PM_BASE_PORT,
    serialPorts: SERIAL_PORTS.map((port, index) => ({ port, irq: SERIAL_IRQS[index] ?? 0 })),
    pvpanicPort: PVPANIC_PORT,
    timerGsi: 2,
  };
}

/**
 * Loads everything that the guest finds in memory.
 *
 * @throws ConfigError for a kernel, initrd or command line that cannot be booted.
 */
export function loadGuest(
  config: VmConfig,
  memory: GuestMemory,
  highMmio: AddressRange,
): BootEntry {
  using kernel = OpenBootFile.open('kernel', config.kernelPath);
  using initrd =
    config.initrdPath === undefined ? undefined : OpenBootFile.open('initrd', config.initrdPath);
  const platform = describePlatform(config, highMmio);
  writeMpTable(memory, platform);
  writeSmbios(memory);
  const loaded = loadKernel({
    memory,
    kernel,
    ...(initrd && { initrd }),
    cmdline: buildKernelCmdline(config),
    rsdp: writeAcpiTables(memory, platform),
  });
  const entry = bootEntry(loaded);
  writeBootTables(memory, entry.mode);
  return entry;
}

function bootEntry(loaded: LoadedKernel): BootEntry {
  return loaded.kind === 'linux64'
    ? { mode: 'linux64', address: loaded.entry, infoAddress: loaded.bootParams }
    : { mode: 'pvh32', address: loaded.entry, infoAddress: loaded.startInfo };
}

/** Gives every vCPU its CPUID and registers. */
export function setupVcpus(kvm: Kvm, fds: readonly number[], entry: BootEntry): void {
  const supported = kvm.getSupportedCpuid();
  const runStateBytes = kvm.getVcpuMmapSize();
  const tscDeadline = kvm.checkExtension(KVM_CAP_TSC_DEADLINE_TIMER) > 0;
  fds.forEach((fd, index) => {
    const options = { vcpuIndex: index, vcpuCount: fds.length, tscDeadline };
    const cpuid = buildVcpuCpuid(supported, options);
    setupVcpu(new VcpuFd(fd, runStateBytes), { index, cpuid, entry });
  });
}
