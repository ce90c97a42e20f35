/** Which PCI class a virtio device of each type has, so that a guest's tools name it properly. */

/** `PCI_CLASS_OTHERS`, for types that are not in the table. */
const CLASS_OTHERS = 0xff_0000;

/** Class, subclass and programming interface by virtio device type (virtio 1.3 §5). */
const CLASS_CODES: ReadonlyMap<number, number> = new Map([
  [1, 0x02_8000], // network: network controller
  [2, 0x01_8000], // block: mass storage controller
  [3, 0x07_8000], // console: communication controller
  [4, 0x08_8000], // entropy source: base system peripheral
  [5, 0x08_8000], // balloon: base system peripheral
  [8, 0x01_0000], // SCSI host: SCSI storage controller
  [9, 0x02_8000], // 9P transport: network controller
  [16, 0x03_8000], // GPU: display controller
  [18, 0x09_8000], // input: input device controller
  [19, 0x02_8000], // socket: network controller
  [23, 0x08_0600], // IOMMU: base system peripheral, IOMMU
  [25, 0x04_0100], // sound: multimedia audio controller
  [26, 0x01_8000], // file system: mass storage controller
  [27, 0x01_0800], // persistent memory: non-volatile memory controller
]);

/** The class code of a virtio device type. */
export function classCodeOf(deviceType: number): number {
  return CLASS_CODES.get(deviceType) ?? CLASS_OTHERS;
}
