// @ts-check
/**
 * Makes what the program is started from: a few bundles, each with the code that V8 has compiled of it. Node reads a bundle
 * in a fraction of the time that it takes to look up a hundred modules, V8 takes its code from the cache instead of
 * parsing it, and a jail has four small files to show. Native code stays outside.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT, say } from './bootstrap.mjs';

const OUTPUT = join(PROJECT, 'dist');
const BUNDLES = join(OUTPUT, 'bundle');
/** The same program from scripts that keep their code when they end. */
const TRAINING = join(OUTPUT, 'training');
const TRAINING_LIMIT_MS = 60_000;

/** Bundles and the compiled modules that they start from. */
const SCRIPTS = {
  crosvm: 'cli/main.js',
  'machine-thread': 'vmm/machine/thread.js',
  'vcpu-worker': 'vcpu/worker.js',
  'device-host': 'devices/device-process.js',
  'device-host-worker': 'devices/host-worker.js',
};

/**
 * koffi's shared object stays a file of its own. Its package would first read Node's ELF headers to tell glibc from musl, in
 * every process and thread; this project runs on glibc only.
 *
 * @type {import('esbuild').Plugin}
 */
const directKoffi = {
  name: 'direct-koffi',
  setup(build) {
    build.onResolve({ filter: /^@koromix\/koffi-linux-x64$/ }, () => ({
      path: '@koromix/koffi-linux-x64/linux_x64/koffi.node',
      external: true,
    }));
  },
};

export async function bundleProgram() {
  const { build } = await import('esbuild');
  rmSync(BUNDLES, { recursive: true, force: true });
  rmSync(TRAINING, { recursive: true, force: true });
  const common = {
    bundle: true,
    platform: /** @type {const} */ ('node'),
    // CommonJS: loading the first ES module costs Node several milliseconds in every process and thread.
    format: /** @type {const} */ ('cjs'),
    target: 'node20',
    supported: { 'dynamic-import': false },
    minifySyntax: true,
    minifyWhitespace: true,
    plugins: [directKoffi],
    // createRequire takes a path as well as a URL.
    define: {
      'import.meta.url': '__filename',
      'import.meta.filename': '__filename',
      'import.meta.dirname': '__dirname',
      // Else msgpackr looks for a package that speeds up long strings; messages here have none.
      'process.env.MSGPACKR_NATIVE_ACCELERATION_DISABLED': '"true"',
    },
    logLevel: /** @type {const} */ ('warning'),
  };
  const compiled = (/** @type {string} */ module) => join(OUTPUT, 'src', module);
  await build({
    ...common,
    outdir: BUNDLES,
    outExtension: { '.js': '.code.cjs' },
    entryPoints: Object.fromEntries(
      Object.entries(SCRIPTS).map(([name, module]) => [name, compiled(module)]),
    ),
  });
  for (const outdir of [BUNDLES, TRAINING]) {
    await build({
      ...common,
      outdir,
      outExtension: { '.js': '.cjs' },
      entryPoints: { 'load-script': compiled('launch/load-script.js') },
    });
  }
  for (const name of Object.keys(SCRIPTS)) {
    writeFileSync(join(BUNDLES, `${name}.cjs`), starter(name));
    writeFileSync(join(TRAINING, `${name}.cjs`), trainer(name));
  }
}

/** @param {string} name */
function starter(name) {
  const load = "require('./load-script.cjs').loadScript";
  if (name === 'device-host') {
    return `const kind = process.argv[2];\n${load}({ directory: __dirname, name: '${name}', variant: kind }).exports.runDeviceProcess(kind);\n`;
  }
  return `module.exports = ${load}({ directory: __dirname, name: '${name}' }).exports;\n`;
}

/** @param {string} name */
function trainer(name) {
  // V8 forgets code that has not run for a while; here it must not. The flag is put back because a cache belongs to its flags.
  return `const { setFlagsFromString } = require('node:v8');
setFlagsFromString('--no-flush-bytecode');
process.once('exit', () => setFlagsFromString('--flush-bytecode'));
module.exports = require('./load-script.cjs').loadScript({
  directory: require('node:path').join(__dirname, '../bundle'), name: '${name}', runFrom: __dirname, isTraining: true,
}).exports;
`;
}

/**
 * Makes the code caches, by running the program: a machine whose guest switches itself off, and the device processes with
 * the V8 flags of their profiles. Where there is no KVM, the machine's scripts go without.
 */
export async function makeCodeCaches() {
  const { DEVICE_KINDS } = await import(join(OUTPUT, 'src/devices/registry.js'));
  const { loadProfile } = await import(join(OUTPUT, 'src/jail/profile.js'));
  for (const kind of DEVICE_KINDS) {
    const { v8Flags } = loadProfile(join(PROJECT, 'policy'), kind);
    const module = join(OUTPUT, 'src/vmm/devices/code-cache.js');
    const script = 'import(process.argv[1]).then((m) => m.makeDeviceCache(process.argv[2]))';
    train(`device ${kind}`, [...v8Flags, '-e', script, module, kind]);
  }
  trainMachine();
  rmSync(TRAINING, { recursive: true });
}

function trainMachine() {
  if (!existsSync('/dev/kvm')) {
    say('no /dev/kvm here: machines will start somewhat slower');
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'crosvm-build-'));
  try {
    const kernel = join(directory, 'kernel');
    const disk = join(directory, 'disk');
    writeFileSync(kernel, resettingKernel());
    closeSync(openSync(disk, 'w'));
    writeFileSync(disk, Buffer.alloc(1 << 20));
    const script = 'require(process.argv[1]).main(process.argv.slice(2))';
    const machine = ['--log-level', 'warn', 'run', '--disk', disk];
    const serial = ['--serial', 'type=stdout,num=1', '-p', 'nothing'];
    train('machine', ['-e', script, join(TRAINING, 'crosvm.cjs'), ...machine, ...serial, kernel]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/**
 * Runs Node. A cache that cannot be made is no reason not to build.
 *
 * @param {string} what
 * @param {readonly string[]} args
 */
function train(what, args) {
  const { status, stderr, error } = spawnSync(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: TRAINING_LIMIT_MS,
  });
  if (status !== 0) {
    const reason = (error?.message ?? stderr.trim().split('\n').pop()) || `status ${status}`;
    say(`no code cache for the ${what}, which will start somewhat slower: ${reason}`);
  }
}

/** A kernel of one page: writes a byte to COM1, then resets the machine (port 0xcf9, full reset). */
function resettingKernel() {
  const base = 0x20_0000;
  const code = Buffer.from([
    ...[0x66, 0xba, 0xf8, 0x03, 0xb0, 0x0a, 0xee], // mov dx, 0x3f8; mov al, '\n'; out dx, al
    ...[0x66, 0xba, 0xf9, 0x0c, 0xb0, 0x0e, 0xee], // mov dx, 0xcf9; mov al, 0x0e; out dx, al
    ...[0xf4, 0xeb, 0xfd], // hlt; jmp to it
  ]);
  const headersBytes = 64 + 56;
  const elf = Buffer.alloc(0x1000 + code.length);
  elf.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  elf.writeUInt16LE(2, 16); // e_type: executable
  elf.writeUInt16LE(62, 18); // e_machine: x86-64
  elf.writeUInt32LE(1, 20);
  elf.writeBigUInt64LE(BigInt(base), 24); // e_entry
  elf.writeBigUInt64LE(64n, 32); // e_phoff
  elf.writeUInt16LE(64, 52);
  elf.writeUInt16LE(headersBytes - 64, 54);
  elf.writeUInt16LE(1, 56); // e_phnum
  elf.writeUInt32LE(1, 64); // PT_LOAD
  elf.writeUInt32LE(5, 68); // readable, executable
  elf.writeBigUInt64LE(0x1000n, 72); // p_offset
  for (const at of [80, 88]) {
    elf.writeBigUInt64LE(BigInt(base), at); // p_vaddr, p_paddr
  }
  for (const at of [96, 104]) {
    elf.writeBigUInt64LE(BigInt(code.length), at); // p_filesz, p_memsz
  }
  elf.writeBigUInt64LE(0x1000n, 112);
  code.copy(elf, 0x1000);
  return elf;
}
