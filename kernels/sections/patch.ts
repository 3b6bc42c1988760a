// Where patches of one flattened image lie in another: by trying all shifts nearby, then by gradients to a fraction of a pixel.
import type { Plane } from './plane.ts'
import { WasmKernel } from '../wasm.ts'
import { patchWasm } from '../wasm/patch.wasm.ts'

export type PatchRect = Readonly<Record<'x' | 'y' | 'width' | 'height', number>>

/** A rectangle of plane a in pixels, and the displacement that takes it to plane b; `score` is -1 when it failed. */
export type PatchState = PatchRect & Record<'vx' | 'vy' | 'score', number>

/** Normalised correlation of n pairs of values from their sums, and the sums of their squares and products; -1 without contrast. */
function normalised(n: number, sT: number, sTT: number, sI: number, sII: number, sIT: number): number {
  const vT = sTT - (sT * sT) / n
  const vI = sII - (sI * sI) / n
  return vT > 0 && vI > 0 ? (sIT - (sI * sT) / n) / Math.sqrt(vT * vI) : -1
}

/**
 * Normalised correlation of a (or of a rectangle `part` of it) and b shifted by whole pixels, over all that they share, of
 * every `stride`-th pixel and row; -1 where they share less than `minPixels`.
 */
export function correlation(
  a: Plane,
  b: Plane,
  vx: number,
  vy: number,
  stride: number,
  minPixels: number,
  part: PatchRect = { x: 0, y: 0, width: a.width, height: a.height },
): number {
  const x0 = Math.max(part.x, 0, -vx)
  const x1 = Math.min(part.x + part.width, a.width, b.width - vx)
  const y1 = Math.min(part.y + part.height, a.height, b.height - vy)
  let n = 0
  let sT = 0
  let sTT = 0
  let sI = 0
  let sII = 0
  let sIT = 0
  for (let y = Math.max(part.y, 0, -vy); y < y1; y += stride) {
    const toB = (y + vy) * b.width + vx - y * a.width
    for (let i = y * a.width + x0, end = y * a.width + x1; i < end; i += stride) {
      // Masked pixels are 0.
      const m = a.mask[i]! & b.mask[i + toB]!
      const t = m * a.value[i]!
      const v = m * b.value[i + toB]!
      n += m
      sT += t
      sTT += t * t
      sI += v
      sII += v * v
      sIT += v * t
    }
  }
  return n * stride * stride < minPixels ? -1 : normalised(n, sT, sTT, sI, sII, sIT)
}

/**
 * Tries for each patch every whole shift within `range` of (vx, vy) and keeps the one of highest normalised correlation (the
 * first in raster order on a tie), set in `score`.
 */
export function searchPatches(a: Plane, b: Plane, patches: readonly PatchState[], range: number): void {
  // The patch and where it may lie, each with its mask.
  const scratch = 2 * (bytesOf(patches, 0) + bytesOf(patches, range))
  run(a, b, patches, scratch, 'search', range)
}

/**
 * Refines `vx`, `vy` of each patch by least squares of grey differences up to a common offset (inverse compositional Lucas-Kanade:
 * Baker and Matthews 2004), moving at most `margin` pixels, and sets `score` to the normalised correlation.
 */
export function refinePatches(
  a: Plane,
  b: Plane,
  patches: readonly PatchState[],
  iterations: number,
  margin: number,
): void {
  // The patch, its mask and its gradients.
  run(a, b, patches, 4 * bytesOf(patches, 0), 'refine', margin, iterations)
}

/** Of the largest patch with so many pixels around it: rows of whole vectors of 32 bits. */
const bytesOf = (patches: readonly PatchState[], around: number): number =>
  patches.reduce((most, s) => Math.max(most, 4 * (s.width + 3 + 2 * around) * (s.height + 2 * around)), 0)

type Step = (patches: number, count: number, a: number, b: number, scratch: number, ...how: number[]) => void
let wasm: WasmKernel<Record<'search' | 'refine', Step>> | undefined

function run(
  a: Plane,
  b: Plane,
  patches: readonly PatchState[],
  scratchBytes: number,
  step: 'search' | 'refine',
  ...how: number[]
): void {
  wasm ??= new WasmKernel(patchWasm)
  const [n, m] = [a.mask.length, b.mask.length]
  const [list, planeA, planeB, valueA, maskA, valueB, maskB, scratch] = wasm.place(
    56 * patches.length,
    16,
    16,
    4 * n,
    n,
    4 * m,
    m,
    scratchBytes,
  )
  for (const [at, value, mask, p] of [
    [planeA, valueA, maskA, a],
    [planeB, valueB, maskB, b],
  ] as const) {
    wasm.integers(at, 4).set([value, mask, p.width, p.height])
    wasm.floats(value, p.value.length).set(p.value)
    wasm.bytes(mask, p.mask.length).set(p.mask)
  }
  const numbers = wasm.doubles(list, 7 * patches.length)
  for (const [i, { x, y, width, height, vx, vy, score }] of patches.entries())
    numbers.set([x, y, width, height, vx, vy, score], 7 * i)
  wasm.call[step](list, patches.length, planeA, planeB, scratch, ...how)
  for (const [i, s] of patches.entries()) {
    s.vx = numbers[7 * i + 4]!
    s.vy = numbers[7 * i + 5]!
    s.score = numbers[7 * i + 6]!
  }
}
