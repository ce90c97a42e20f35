/** Entry of every device process: `node host.js KIND`, with the channel to the parent as descriptor 3. */
import { runDeviceProcess } from './device-process.ts';

await runDeviceProcess(process.argv[2] ?? '');
