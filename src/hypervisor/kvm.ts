/**
 * `/dev/kvm`: what this host's KVM can do, and new virtual machines (KVM API §4.1–4.5).
 *
 * What a machine is made of is the business of {@link Vm}.
 */
import { constants, openSync } from 'node:fs';
import { HostError } from '../base/errors.ts';
import { checkResult, EACCES, ENOENT, EPERM, errnoName } from '../sys/errno.ts';
import { OwnedFd } from '../sys/fd.ts';
import { ioctl } from '../sys/ioctl.ts';
import { allocateNative } from '../sys/mmap.ts';
import { KVM_CAP_MAX_VCPUS, KVM_CAP_NR_VCPUS, REQUIRED_CAPS } from './caps.ts';
import {
  CPUID_ENTRIES_MAX,
  CPUID_TABLE_BYTES,
  type CpuidEntry,
  decodeCpuid,
} from './cpuid-entry.ts';
import * as request from './ioctls.ts';
import { KVM_CPUID2, KVM_MSR_LIST } from './structs.ts';
import { Vm } from './vm.ts';

/** The one version of the API; it has been frozen since Linux 2.6.22. */
const API_VERSION = 12;
const MSR_LIST_MAX = 2048;
export const KVM_DEVICE_PATH = '/dev/kvm';

/** An open `/dev/kvm`. */
export class Kvm implements Disposable {
  readonly #fd: OwnedFd;

  private constructor(fd: OwnedFd) {
    this.#fd = fd;
  }

  /**
   * Opens the device and checks its API version.
   *
   * @param path another device node, for tests.
   * @throws ERR_KVM_MISSING, ERR_KVM_DENIED or ERR_KVM_OPEN, saying what to do; ERR_KVM_VERSION
   */
  static open(path = KVM_DEVICE_PATH): Kvm {
    const fd = new OwnedFd(openDevice(path));
    const kvm = new Kvm(fd);
    const version = ioctl(fd.raw, request.KVM_GET_API_VERSION, 0);
    if (version !== API_VERSION) {
      fd.close();
      throw new HostError(
        'ERR_KVM_VERSION',
        `${path} answers KVM_GET_API_VERSION with ${version} instead of ${API_VERSION}: not a KVM device, ` +
          'or one older than Linux 2.6.22',
      );
    }
    return kvm;
  }

  get raw(): number {
    return this.#fd.raw;
  }

  /** KVM_CHECK_EXTENSION: 0 where this KVM lacks `cap`, else 1 or the figure that belongs to it. */
  checkExtension(cap: number): number {
    return Math.max(0, ioctl(this.#fd.raw, request.KVM_CHECK_EXTENSION, cap));
  }

  /** Names of the needed capabilities that this KVM lacks. */
  missingCaps(): readonly string[] {
    return REQUIRED_CAPS.filter(({ cap }) => this.checkExtension(cap) === 0).map(
      ({ name }) => name,
    );
  }

  /** Most vCPUs that a machine may have. */
  get vcpuCountMax(): number {
    return this.checkExtension(KVM_CAP_MAX_VCPUS) || this.checkExtension(KVM_CAP_NR_VCPUS) || 4;
  }

  /** Bytes to map of a vCPU descriptor: `struct kvm_run`, the port I/O page and the coalesced ring. */
  getVcpuMmapSize(): number {
    const size = ioctl(this.#fd.raw, request.KVM_GET_VCPU_MMAP_SIZE, 0);
    return checkResult(size, 'ioctl(KVM_GET_VCPU_MMAP_SIZE)');
  }

  /**
   * What CPUID may tell a guest on this host: the starting point of every vCPU's own table.
   *
   * @throws ERR_SYSCALL
   */
  getSupportedCpuid(): CpuidEntry[] {
    const table = allocateNative(CPUID_TABLE_BYTES);
    table.view.setUint32(KVM_CPUID2.fields.nent.offset, CPUID_ENTRIES_MAX, true);
    const result = ioctl(this.#fd.raw, request.KVM_GET_SUPPORTED_CPUID, table.address);
    checkResult(result, 'ioctl(KVM_GET_SUPPORTED_CPUID)');
    return decodeCpuid(table.view);
  }

  /**
   * Numbers of the MSRs that make up a vCPU's state.
   *
   * @throws ERR_SYSCALL
   */
  getMsrIndexList(): number[] {
    const list = allocateNative(KVM_MSR_LIST.sizeBytes + 4 * MSR_LIST_MAX);
    list.view.setUint32(0, MSR_LIST_MAX, true);
    const result = ioctl(this.#fd.raw, request.KVM_GET_MSR_INDEX_LIST, list.address);
    checkResult(result, 'ioctl(KVM_GET_MSR_INDEX_LIST)');
    const count = Math.min(list.view.getUint32(0, true), MSR_LIST_MAX);
    return Array.from({ length: count }, (_, index) =>
      list.view.getUint32(KVM_MSR_LIST.sizeBytes + 4 * index, true),
    );
  }

  /**
   * A new machine without memory, interrupt controllers or vCPUs.
   *
   * @throws ERR_SYSCALL
   */
  createVm(): Vm {
    const fd = checkResult(
      ioctl(this.#fd.raw, request.KVM_CREATE_VM, 0),
      'ioctl(KVM_CREATE_VM)',
      'EBUSY or EIO here mean that another hypervisor holds the processor’s virtualization',
    );
    return Vm.own(new OwnedFd(fd));
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }
}

function openDevice(path: string): number {
  try {
    // libuv adds O_CLOEXEC.
    return openSync(path, constants.O_RDWR);
  } catch (error) {
    throw openError(path, error);
  }
}

/** What to do when the device cannot be opened, by error code. */
export const KVM_OPEN_REMEDIES = {
  ERR_KVM_MISSING:
    'load the module (modprobe kvm_intel or kvm_amd), switch virtualization on in the firmware, or on a virtual host ' +
    'its provider for nested virtualization',
  ERR_KVM_DENIED: 'join the group that owns the device (usermod -aG kvm USER, then log in anew)',
  ERR_KVM_OPEN:
    'the device node is there, so see that its module is loaded (modprobe kvm_intel or kvm_amd)',
} as const;

function openError(path: string, cause: unknown): HostError {
  const errno = -Number(cause instanceof Error && 'errno' in cause ? cause.errno : 0);
  const code =
    errno === ENOENT
      ? 'ERR_KVM_MISSING'
      : errno === EACCES || errno === EPERM
        ? 'ERR_KVM_DENIED'
        : 'ERR_KVM_OPEN';
  const message = `${path} cannot be opened (${errnoName(errno)}): ${KVM_OPEN_REMEDIES[code]}`;
  return new HostError(code, message, { cause, syscall: `open(${path})`, errno });
}
