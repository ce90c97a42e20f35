import t from 'tap';
import { runTool } from '../../../src/artifacts/run-tool.ts';

t.test('runTool passes the input and returns the output', async (t) => {
  const output = await runTool('cat', [], { input: Buffer.from('through') });
  t.equal(output.toString(), 'through');
});

t.test('runTool reports the status and the last words of a tool that failed', async (t) => {
  await t.rejects(runTool('sh', ['-c', 'echo no such disk >&2; exit 3']), {
    code: 'ERR_TOOL_FAILED',
    message: 'sh ended with status 3: no such disk',
  });
});

t.test('runTool names the signal that ended a tool', async (t) => {
  await t.rejects(runTool('sh', ['-c', 'kill -TERM $$']), { message: /sh ended with SIGTERM/ });
});

t.test('runTool says how to install a tool that is missing', async (t) => {
  await t.rejects(runTool('crosvm-no-such-tool', []), {
    code: 'ERR_TOOL_MISSING',
    message: /apt-get install crosvm-no-such-tool/,
  });
});
