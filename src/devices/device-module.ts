/**
 * What a kind of device tells the rest of the machine: how it appears on the bus, which options it takes, what the
 * parent opens for it, and how it comes to life in its own process. Everything about a kind is in its folder; the
 * registry lists the kinds.
 */
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { OwnedFd } from '../sys/fd.ts';
import type { VirtioDevice } from '../virtio/device.ts';

/** How a kind is described in its `module.ts`. */
export interface DeviceSpec<Options> {
  /** Kind, `block` for example: names its process, its counters and its log lines. */
  readonly name: string;
  /** Device type (virtio 1.3 §5). */
  readonly virtioId: number;
  /** PCI base class and subclass, `0x0180` for example. */
  readonly pciClass: number;
  /** Jail profile: `policy/<profileName>.json`. */
  readonly profileName: string;
  /**
   * Checks options. Takes its own result unchanged, because the device process checks them a second time.
   *
   * @throws ConfigError naming the option.
   */
  readonly parseOptions: (value: unknown) => Options;
  /**
   * Options of an example, which the build has V8 compile the device's code for.
   *
   * @param file an ordinary file of 1 MiB, for a device that works on one.
   */
  readonly exampleOptions: (file: string) => Options;
  /**
   * Opens what the device works on, in the parent, which has the rights for it.
   *
   * @returns the descriptors in the order in which `createDevice` takes them.
   * @throws ConfigError or HostError naming the file.
   */
  readonly openBackend: (options: Options) => readonly OwnedFd[];
  /** Imports `device.ts` of the kind, which the parent never does. */
  readonly load: () => Promise<DeviceImplementation<Options>>;
}

/** What `device.ts` of a kind exports. */
export interface DeviceImplementation<Options> {
  /**
   * Makes the device, in its own process and not confined yet.
   *
   * @param backend as `openBackend` returned them; moved.
   */
  readonly createDevice: (
    options: Options,
    backend: readonly OwnedFd[],
    memory: GuestMemory,
  ) => VirtioDevice;
}

/** A device of some kind with its options, which have been checked. */
export interface ConfiguredDevice {
  readonly module: DeviceModule;
  /** The checked options as plain data, for the `start` message. */
  readonly options: unknown;
  /** See {@link DeviceSpec.openBackend}. */
  openBackend(): readonly OwnedFd[];
  /** See {@link DeviceImplementation.createDevice}. */
  create(backend: readonly OwnedFd[], memory: GuestMemory): Promise<VirtioDevice>;
}

/** A kind of device, whatever its options are. */
export interface DeviceModule {
  readonly name: string;
  readonly virtioId: number;
  readonly pciClass: number;
  readonly profileName: string;
  /** See {@link DeviceSpec.exampleOptions}. */
  exampleOptions(file: string): unknown;
  /** Checks options and binds them. @throws ConfigError naming the option. */
  configure(options: unknown): ConfiguredDevice;
}

/** Makes a module of its description; the type of the options stays inside. */
export function defineDevice<Options>(spec: DeviceSpec<Options>): DeviceModule {
  const { name, virtioId, pciClass, profileName } = spec;
  const module: DeviceModule = {
    name,
    virtioId,
    pciClass,
    profileName,
    exampleOptions: spec.exampleOptions,
    configure(value) {
      const options = spec.parseOptions(value);
      return {
        module,
        options,
        openBackend: () => spec.openBackend(options),
        create: async (backend, memory) =>
          (await spec.load()).createDevice(options, backend, memory),
      };
    },
  };
  return module;
}
