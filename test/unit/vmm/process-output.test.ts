import { writeSync } from 'node:fs';
import t from 'tap';
import { AsyncEpoll } from '../../../src/sys/async-epoll.ts';
import { createPipe } from '../../../src/sys/pipe.ts';
import { ProcessOutput } from '../../../src/vmm/devices/process-output.ts';

/** What is logged of a device that prints `text` and ends. */
async function logOf(text: string): Promise<string[]> {
  const lines: string[] = [];
  const epoll = new AsyncEpoll();
  const pipe = createPipe();
  const output = new ProcessOutput('block vda', pipe.readEnd, epoll, (level, name, line) => {
    lines.push(`${level} ${name}: ${line}`);
  });
  writeSync(pipe.writeEnd.raw, text);
  pipe.writeEnd.close();
  // The end of the pipe comes after everything in it, and lets go of the descriptor.
  while (pipe.readEnd.isOpen) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  output[Symbol.dispose]();
  await epoll.close();
  return lines;
}

t.test(
  'ProcessOutput keeps the level of a line of the log and names the device once',
  async (t) => {
    t.same(await logOf('crosvm: error: block: no such sector\n'), [
      'error block vda: no such sector',
    ]);
    t.same(await logOf('crosvm: fatal: block: x\n'), ['warn block vda: x']);
  },
);

t.test(
  'ProcessOutput shows other lines as warnings, the last one without its end, too',
  async (t) => {
    t.same(await logOf('one\n\ntwo'), ['warn block vda: one', 'warn block vda: two']);
  },
);

t.test('ProcessOutput shows nothing that a terminal would obey', async (t) => {
  // ÿ is two bytes of UTF-8.
  t.same(await logOf('\u001b[2Jx\r\u0007\u00ff\n'), ['warn block vda: ?[2Jx????']);
});

t.test('ProcessOutput cuts long lines and stops after many', async (t) => {
  const [line] = await logOf(`${'x'.repeat(3000)}\n`);
  t.equal(line?.length, 'warn block vda: '.length + 500);
  const many = await logOf('y\n'.repeat(1000));
  t.equal(many.length, 201);
  t.equal(many.at(-1), 'warn block vda: more output is not shown');
});
