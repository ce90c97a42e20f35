/** `--serial`: which port, where its output goes, where its input comes from. */
import { ConfigError } from '../base/errors.ts';
import type { SerialConfig, SerialOutput } from '../vmm/config.ts';
import { parseKeyValues } from './key-value.ts';
import { suggestion } from './suggest.ts';

const KEYS = {
  type: 'text',
  hardware: 'text',
  num: 'integer',
  path: 'text',
  input: 'text',
  console: 'flag',
  earlycon: 'flag',
  stdin: 'flag',
  'debugcon-port': 'integer',
} as const;

const TYPES = ['stdout', 'sink', 'file', 'unix'];
const HARDWARE = ['serial', 'debugcon'];
const PORT_COUNT = 4;
const DEBUGCON_PORT = 0x402;

function fail(text: string, problem: string): never {
  throw new ConfigError('ERR_OPTION_VALUE', `--serial ${text}: ${problem}`);
}

function parseOutput(text: string, type: string, path: string | undefined): SerialOutput {
  switch (type) {
    case 'stdout':
    case 'sink':
      return path === undefined ? { type } : fail(text, `type=${type} takes no path`);
    case 'file':
    case 'unix':
      return path === undefined ? fail(text, `type=${type} needs path=…`) : { type, path };
    default:
      return fail(
        text,
        `unknown type "${type}"${suggestion(type, TYPES)} (known: ${TYPES.join(', ')})`,
      );
  }
}

function parseSerial(text: string): SerialConfig {
  const keys = parseKeyValues('--serial', text, KEYS);
  const hardware = keys.hardware ?? 'serial';
  if (hardware !== 'serial' && hardware !== 'debugcon') {
    const known = `${suggestion(hardware, HARDWARE)} (known: ${HARDWARE.join(', ')})`;
    return fail(text, `unknown hardware "${hardware}"${known}`);
  }
  const num = keys.num ?? 1;
  if (num < 1) {
    fail(text, 'Serial port num must be at least 1');
  }
  if (num > PORT_COUNT) {
    fail(text, `Serial port num must be ${PORT_COUNT} or less`);
  }
  if (keys.stdin === true && keys.input !== undefined) {
    fail(text, 'Cannot specify both stdin and input options');
  }
  const debugconPort = keys['debugcon-port'] ?? DEBUGCON_PORT;
  if (debugconPort > 0xffff) {
    fail(text, 'debugcon-port must be an I/O port, at most 0xffff');
  }
  return {
    hardware,
    num,
    output: parseOutput(text, keys.type ?? 'stdout', keys.path),
    stdin: keys.stdin ?? false,
    ...(keys.input !== undefined && { inputPath: keys.input }),
    console: keys.console ?? false,
    debugconPort,
  };
}

/** What a port does that nobody configured: the terminal on COM1, nothing on the others. */
function defaultPort(num: number, terminalTaken: boolean): SerialConfig {
  const isTerminal = num === 1;
  return {
    hardware: 'serial',
    num,
    output: { type: isTerminal ? 'stdout' : 'sink' },
    stdin: isTerminal && !terminalTaken,
    console: isTerminal,
    debugconPort: DEBUGCON_PORT,
  };
}

/**
 * All four serial ports, and any debug consoles.
 *
 * @param texts the values of the `--serial` options.
 * @throws ERR_OPTION_VALUE
 */
export function parseSerials(texts: readonly string[]): readonly SerialConfig[] {
  const given = texts.map(parseSerial);
  const seen = new Set<string>();
  let stdinOwner: string | undefined;
  given.forEach((port, index) => {
    const text = texts[index] ?? '';
    const name = `${port.hardware} ${port.num}`;
    if (seen.has(name)) {
      fail(text, `${name} is configured twice`);
    }
    seen.add(name);
    if (port.stdin) {
      if (stdinOwner !== undefined) {
        fail(text, `${stdinOwner} already connected to standard input`);
      }
      stdinOwner = name;
    }
  });
  const ports = [...given];
  for (let num = 1; num <= PORT_COUNT; num++) {
    if (!seen.has(`serial ${num}`)) {
      ports.push(defaultPort(num, stdinOwner !== undefined));
    }
  }
  if (!ports.some((port) => port.console)) {
    return ports.map((port) =>
      port.hardware === 'serial' && port.num === 1 ? { ...port, console: true } : port,
    );
  }
  return ports;
}
