/** The host bridge at 00:00.0: an Intel 82441FX by its ids, with nothing behind its registers. */
import { PciFunction } from './function.ts';

const PCI_VENDOR_ID_INTEL = 0x8086;
const PCI_DEVICE_ID_INTEL_82441 = 0x1237;
const PCI_CLASS_BRIDGE_HOST = 0x06_0000;

/** A new host bridge. */
export function createHostBridge(): PciFunction {
  return new PciFunction('host-bridge', {
    vendorId: PCI_VENDOR_ID_INTEL,
    deviceId: PCI_DEVICE_ID_INTEL_82441,
    classCode: PCI_CLASS_BRIDGE_HOST,
    revision: 0,
    subsystemVendorId: 0,
    subsystemId: 0,
  });
}
