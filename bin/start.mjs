#!/usr/bin/env node
// @ts-check
/** `npm start`: makes everything ready and boots the guest; on a terminal, a shell in it. */
import { BUILD_TOOLS, ensureTools, IMAGE_TOOLS, nestedHostTools, runScript } from './bootstrap.mjs';
import { buildProject } from './build.mjs';

await runScript(async () => {
  ensureTools([...BUILD_TOOLS, ...IMAGE_TOOLS, ...nestedHostTools()]);
  await buildProject();
  const { start } = await import('../dist/src/quickstart/start.js');
  return start();
});
