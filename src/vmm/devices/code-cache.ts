/**
 * Makes the code cache of one kind of device, when the project is built: the bundled script serves a parent that has
 * sent all that it has to say, up to the moment in which a device waits for its driver.
 *
 * To be run with the V8 flags of the device's profile, because a cache belongs to its flags.
 */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { HostError } from '../../base/errors.ts';
import { loadDeviceModule } from '../../devices/registry.ts';
import { Channel } from '../../ipc/channel.ts';
import {
  checkDeviceMessage,
  type DeviceMessage,
  type ParentMessage,
  SHARED_PAGE_BYTES,
} from '../../ipc/device-protocol.ts';
import { loadScript } from '../../launch/load-script.ts';
import { GuestMemory } from '../../memory/guest-memory.ts';
import { createSealedMemfd } from '../../sys/memfd.ts';
import { endSending, socketPair } from '../../sys/socket.ts';
import { BUNDLE_DIRECTORY } from '../project-files.ts';

const MIB = 1 << 20;

/** What the bundle of a device process exports. */
interface DeviceBundle {
  readonly serveDevice: (kind: string, channelFd: number) => Promise<number>;
}

/** Says everything at once: the start, and that there is nothing to be confined by. */
async function speakAsParent(channel: Channel<DeviceMessage, ParentMessage>, kind: string) {
  const directory = mkdtempSync(join(tmpdir(), 'crosvm-build-'));
  try {
    const file = join(directory, 'example');
    writeFileSync(file, '');
    truncateSync(file, MIB);
    const module = await loadDeviceModule(kind);
    const configured = module.configure(module.exampleOptions(file));
    const ranges = [{ start: 0, sizeBytes: MIB }];
    using memory = GuestMemory.createFile(ranges);
    using page = createSealedMemfd('crosvm_device', SHARED_PAGE_BYTES);
    const backend = configured.openBackend();
    const { options } = configured;
    channel.send({ type: 'start', memory: ranges, options }, [
      memory.raw,
      page.raw,
      ...backend.map((fd) => fd.raw),
    ]);
    for (const fd of backend) {
      fd.close();
    }
    channel.send({ type: 'confine', program: new Uint8Array(0) });
    endSending(channel.raw);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/**
 * Runs the bundled device process of a kind as far as it gets without a driver and keeps its code.
 *
 * @throws ERR_DEVICE_START when it does not get there.
 */
export async function makeDeviceCache(kind: string): Promise<void> {
  // V8 forgets code that has not run for a while; here it must not. Put back below, because a cache belongs to its flags.
  setFlagsFromString('--no-flush-bytecode');
  const script = loadScript({ directory: BUNDLE_DIRECTORY, name: 'device-host', variant: kind });
  // CAST: the bundle was made of devices/device-process.ts.
  const { serveDevice } = script.exports as DeviceBundle;
  const [ours, theirs] = socketPair();
  using channel = new Channel<DeviceMessage, ParentMessage>(ours, checkDeviceMessage);
  await speakAsParent(channel, kind);
  if ((await serveDevice(kind, theirs.take())) !== 0) {
    throw new HostError('ERR_DEVICE_START', `the ${kind} device of the bundle did not start`);
  }
  setFlagsFromString('--flush-bytecode');
  script.saveCache();
}
