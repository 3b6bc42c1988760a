// Values that the tests of the storage room and the processes that they kill have in common.
import type { Recipe } from '../../../domain/recipe.ts'
import type { Attempt } from '../../../storage/artifact-writer.ts'

export const recipeOf = (seed: number): Recipe => ({
  stage: 'render',
  version: 1,
  parameters: { mean: 128, nested: { list: [1, 2, 3] } },
  model: null,
  inputs: {},
  extent: { min: [0, 0, 0], max: [64, 64, 64] },
  seed,
})

export const attempt: Attempt = {
  codeRevision: 'abc',
  runtime: { node: '24', onnxruntime: null, provider: null, cpu: 'x' },
  workflowId: 'w',
  runId: 'r',
  attempt: 1,
  start: '2020-01-01T00:00:00.000Z',
  end: '2020-01-01T00:00:01.000Z',
  voxels: 10,
  cost: 0.5,
  seconds: { kernel: 1, inference: 0, io: 0.1 },
  summary: { residual: 0.25 },
}

/** Bytes that are told apart from any other object's and from a part of themselves. */
export function bytesOf(n: number): Uint8Array {
  const out = new Uint8Array(700_000 + ((n * 7919) % 900_000))
  new Uint32Array(out.buffer, 0, out.length >> 2).fill(n + 1)
  out[out.length - 1] = n & 255
  return out
}

/** Small deterministic generator of numbers in 0..1 (mulberry32). */
export function random(seed: number): () => number {
  let s = seed
  return () => {
    s = (s + 0x6d2b79f5) | 0
    let t = Math.imul(s ^ (s >>> 15), 1 | s)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
