/** Numbers of the virtio-pci transport (virtio 1.3 §2.1, §4.1 and §6), under the names of the specification. */

export const VIRTIO_PCI_VENDOR_ID = 0x1af4;
/** Plus the device type (virtio 1.3 §5). */
export const VIRTIO_PCI_DEVICE_ID_BASE = 0x1040;
export const VIRTIO_PCI_REVISION = 1;

export const VIRTIO_CONFIG_S_ACKNOWLEDGE = 1;
export const VIRTIO_CONFIG_S_DRIVER = 2;
export const VIRTIO_CONFIG_S_DRIVER_OK = 4;
export const VIRTIO_CONFIG_S_FEATURES_OK = 8;
export const VIRTIO_CONFIG_S_NEEDS_RESET = 0x40;
export const VIRTIO_CONFIG_S_FAILED = 0x80;

export const VIRTIO_F_VERSION_1 = 1n << 32n;
const VIRTIO_F_SR_IOV = 1n << 37n;
const VIRTIO_F_NOTIF_CONFIG_DATA = 1n << 39n;
const VIRTIO_F_RING_RESET = 1n << 40n;
const VIRTIO_F_ADMIN_VQ = 1n << 41n;
/** What this transport would have to do itself and does not. */
export const UNSUPPORTED_FEATURES =
  VIRTIO_F_SR_IOV | VIRTIO_F_NOTIF_CONFIG_DATA | VIRTIO_F_RING_RESET | VIRTIO_F_ADMIN_VQ;

/** ISR status (§4.1.4.5): bit 0 is the device's to set, bit 1 the transport's. */
export const VIRTIO_PCI_ISR_CONFIG = 2;

/** In a vector register: no interrupts from this source. */
export const VIRTIO_MSI_NO_VECTOR = 0xffff;

export const VIRTIO_PCI_CAP_COMMON_CFG = 1;
export const VIRTIO_PCI_CAP_NOTIFY_CFG = 2;
export const VIRTIO_PCI_CAP_ISR_CFG = 3;
export const VIRTIO_PCI_CAP_DEVICE_CFG = 4;
export const VIRTIO_PCI_CAP_PCI_CFG = 5;
