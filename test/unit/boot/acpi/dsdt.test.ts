/** The DSDT, judged by ACPICA's own tools (Debian: acpica-tools), which guests' interpreters come from. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { buildDsdt } from '../../../../src/boot/acpi/dsdt.ts';
import type { PlatformDescription } from '../../../../src/boot/platform.ts';
import { testPlatform } from '../../../support/boot-platform.ts';

const hasTools = ['iasl', 'acpiexec'].every((tool) => spawnSync(tool, ['-v']).status === 0);
const needsTools = {
  skip: hasTools ? false : 'iasl and acpiexec (acpica-tools) are not installed',
};

function run(directory: string, tool: string, ...args: string[]): string {
  const result = spawnSync(tool, args, { cwd: directory, encoding: 'utf8', timeout: 30_000 });
  return result.stdout + result.stderr;
}

/** The DSDT of a machine as ASL, on one line. */
function disassemble(directory: string, platform: PlatformDescription): string {
  writeFileSync(join(directory, 'dsdt.aml'), buildDsdt(platform));
  run(directory, 'iasl', '-d', 'dsdt.aml');
  return readFileSync(join(directory, 'dsdt.dsl'), 'utf8').replace(/\s+/g, ' ');
}

t.test('buildDsdt survives disassembly and assembly byte by byte', needsTools, async (t) => {
  const directory = t.testdir();
  const original = buildDsdt(testPlatform);
  writeFileSync(join(directory, 'dsdt.aml'), original);
  run(directory, 'iasl', '-d', 'dsdt.aml');
  const report = run(directory, 'iasl', '-oa', '-p', 'again', 'dsdt.dsl');
  t.match(report, /0 Errors, 0 Warnings, 0 Remarks/);
  const again = readFileSync(join(directory, 'again.aml'));
  t.same(again.subarray(36), Buffer.from(original.subarray(36)), 'all but the header');
});

t.test('buildDsdt describes bridge windows, devices and routing', needsTools, async (t) => {
  const source = disassemble(t.testdir(), testPlatform);
  for (const expected of [
    /Device \(PCI0\) { Name \(_HID, EisaId \("PNP0A08"\)/,
    /WordBusNumber .*? 0x0000, \/\/ Range Minimum 0x003F, \/\/ Range Maximum/,
    /0xD0000000, \/\/ Range Minimum 0xF3FFFFFF, \/\/ Range Maximum/,
    /0x0000000200000000, \/\/ Range Minimum 0x00000011FFFFFFFF, \/\/ Range Maximum/,
    /WordIO .*? 0x0000, \/\/ Range Minimum 0x0CF7, .*? WordIO .*? 0x0D00, .*? 0xFFFF,/,
    /Device \(ECAM\) .*? 0xF4000000, \/\/ Address Base 0x04000000,/,
    /Device \(COM4\) .*? 0x02E8, .*? IRQNoFlags \(\) \{3\}/,
    /Device \(RTC\) .*? 0x0070, .*? IRQNoFlags \(\) \{8\}/,
    /Device \(PEVT\) { Name \(_HID, "QEMU0001"\) .*? 0x0505,/,
    /Package \(0x04\) { 0x0004FFFF, 0x03, Zero, 0x0B }/,
  ]) {
    t.match(source, expected);
  }
});

t.test('buildDsdt leaves out what the machine has not', needsTools, async (t) => {
  const { lowMmio, pmBase, vcpuCount } = testPlatform;
  const source = disassemble(t.testdir(), {
    lowMmio,
    pmBase,
    vcpuCount,
    interruptRoutes: [],
    serialPorts: [],
    timerGsi: 2,
  });
  t.notMatch(source, /QWordMemory|COM1|PEVT/);
  t.match(source, /Package \(0x00\) {}/, 'an empty _PRT');
});

t.test('buildDsdt evaluates in an interpreter', needsTools, async (t) => {
  const directory = t.testdir();
  writeFileSync(join(directory, 'dsdt.aml'), buildDsdt(testPlatform));
  const commands = 'evaluate \\_S5;evaluate \\_SB.PCI0._PRT;resources \\_SB.PCI0;quit';
  const output = run(directory, 'acpiexec', '-b', commands, 'dsdt.aml');
  t.match(output, /Evaluation of \\_S5 returned[^]*?Contains 4 Elements:\s+\[Integer\] = 0+\s/);
  t.match(output, /_PRT returned[^]*?Contains 16 Elements/);
  t.match(output, /Address Maximum : 0+11FFFFFFFF/i);
  t.notMatch(output, /AE_AML/);
});
