// How models are run here: provider, device, processes and threads, from the settings or as this machine allows.
import { availableParallelism, totalmem } from 'node:os'
import type { Infer } from '../../activities/context.ts'
import type { Box } from '../../domain/geometry.ts'
import { choiceSetting, numberSetting } from '../../domain/settings.ts'

/** What a process of the default block takes: 256 x 256 x 128 voxels and a halo of 24, by the model that comes with Hillock. */
const PROCESS_BYTES = 5 * 2 ** 30

/** @throws HillockError ConfigError */
export function onnxSettings() {
  const provider = choiceSetting('HILLOCK_ONNX_PROVIDER') ?? 'cpu'
  const cores = availableParallelism()
  // Of a container what it may use.
  const fitting = Math.floor(Math.min(totalmem(), process.constrainedMemory() || Infinity) / PROCESS_BYTES)
  const processes =
    numberSetting('HILLOCK_ONNX_PROCESSES') || (provider === 'cpu' ? Math.max(1, Math.min(cores, fitting)) : 1)
  return {
    provider,
    device: numberSetting('HILLOCK_ONNX_DEVICE'),
    processes,
    threads: numberSetting('HILLOCK_ONNX_THREADS') || Math.max(1, Math.floor(cores / processes)),
  }
}

/** An ONNX model that gives what it gets: one `Identity` of uint8. */
const IDENTITY = Buffer.from(
  'CAg6cAoYCgJlbRIIYWZmaW5pdHkiCElkZW50aXR5EgFnWiMKAmVtEh0KGwgCEhcKAggBCgIIAQoDEgF6CgMSAXkKAxIBeGIsCghhZmZpbml0eRIgCh4IAhIaCgIIAQoCCAEKBBICejIKBBICeTIKBBICeDJCBAoAEA4=',
  'base64',
)

/** Fails where the provider that is set is not to be had: its library, its driver or its device. */
export async function tryProvider(infer: Infer): Promise<void> {
  const core: Box = { min: [0, 0, 0], max: [1, 1, 1] }
  const em = Uint8Array.of(1)
  await infer({
    digest: 'identity',
    model: async () => IDENTITY,
    multipleOf: 1,
    em,
    shape: core.max,
    core,
    channels: 1,
  })
}
