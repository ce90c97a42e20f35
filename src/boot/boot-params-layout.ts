/**
 * Offsets in `struct boot_params`, the zero page, of which a bzImage's first sectors hold the middle part.
 *
 * Spec: Linux Documentation/arch/x86/boot.rst and zero-page.rst.
 */

/** Byte offsets; 32 bits wide unless the comment says otherwise. */
export const BOOT_PARAMS = {
  /** 64 bits. */
  acpiRsdpAddr: 0x070,
  extRamdiskImage: 0x0c0,
  /** 8 bits. */
  e820Entries: 0x1e8,
  /** First byte of the setup header; 8 bits. */
  setupHeader: 0x1f1,
  /** 8 bits. */
  setupSects: 0x1f1,
  syssize: 0x1f4,
  /** 16 bits. */
  bootFlag: 0x1fe,
  /** A two-byte jump over the header: its second byte tells where the header ends. */
  jump: 0x200,
  header: 0x202,
  /** 16 bits. */
  version: 0x206,
  /** 8 bits. */
  typeOfLoader: 0x210,
  /** 8 bits. */
  loadflags: 0x211,
  ramdiskImage: 0x218,
  ramdiskSize: 0x21c,
  cmdLinePtr: 0x228,
  initrdAddrMax: 0x22c,
  kernelAlignment: 0x230,
  /** 8 bits. */
  relocatableKernel: 0x234,
  /** 16 bits. */
  xloadflags: 0x236,
  cmdlineSize: 0x238,
  /** 64 bits. */
  setupData: 0x250,
  /** 64 bits. */
  prefAddress: 0x258,
  initSize: 0x260,
  /** Entries of 20 bytes: address (64 bits), size (64 bits), type. */
  e820Table: 0x2d0,
} as const;

export const BOOT_PARAMS_BYTES = 4096;
/** The setup header can grow to here, where the next field of the zero page begins. */
export const SETUP_HEADER_END_MAX = 0x290;
export const E820_ENTRY_BYTES = 20;
export const E820_ENTRIES_MAX = 128;
/** `boot_flag` and `header` of every bzImage. */
export const BOOT_FLAG_MAGIC = 0xaa55;
export const HEADER_MAGIC = 0x5372_6448;
