// Puts mitochondria into thick stretches of neurites.
import { map3, type Vec3 } from '../kernels/types.ts'
import { stream } from './random.ts'
import { samplesOf, type Row } from './samples.ts'
import type { PhantomScene } from './types.ts'

type Lines = PhantomScene['lines']

/** Sausages along centre lines, a little off centre; spheres in specimen coordinates, two per centre-line sample. */
export function placeMitochondria(
  seed: number,
  lines: Lines,
  synapses: PhantomScene['synapses'],
): PhantomScene['mitochondria'] {
  const crowded = nearSynapse(lines, synapses)
  const random = stream(seed, 31)
  const rows: (Row & { body: number })[] = []
  const axes = [lines.x, lines.y, lines.z] as const
  let body = 0
  let left = 0
  let whole = 1
  let wait = random.range(0, 80)
  let side: Vec3 = [0, 0, 0]
  let share = 0.5
  for (let i = 1; i < lines.x.length; i++) {
    const from = lines.previous[i]!
    if (from !== i - 1 || crowded[i]) {
      left = 0
      wait = random.range(0, 30)
      continue
    }
    const step = Math.hypot(lines.x[i]! - lines.x[from]!, lines.y[i]! - lines.y[from]!, lines.z[i]! - lines.z[from]!)
    const radius = lines.r[i]!
    if (left <= 0) {
      wait -= step
      if (wait > 0 || radius < 8) continue
      body++
      whole = random.range(35, 140)
      left = whole
      wait = random.range(10, 70)
      share = random.range(0.5, 0.78)
      side = map3(() => random.range(-0.3, 0.3))
    }
    for (const half of [0.5, 1]) {
      const along = (whole - left + half * step) / whole
      // Rounded ends.
      const end = Math.sqrt(Math.max(0.1, 1 - (2 * Math.min(1, along) - 1) ** 4))
      const mid = lines.r[from]! * (1 - half) + radius * half
      const at = map3(a => axes[a][from]! * (1 - half) + axes[a][i]! * half + side[a] * mid)
      const r = Math.min(22, mid * share) * end
      rows.push({ at, r, owner: lines.owner[i]!, body })
    }
    left -= step
    if (radius < 7) left = 0
  }
  return { ...samplesOf(rows), body: Uint32Array.from(rows, row => row.body) }
}

/** Samples whose mitochondrion would lie among the vesicles, or at the density, of a synapse. */
function nearSynapse(lines: Lines, s: PhantomScene['synapses']): Uint8Array {
  const out = new Uint8Array(lines.x.length)
  for (let k = 0; k < s.x.length; k++)
    for (let i = 0; i < out.length; i++) {
      const keep = lines.owner[i] === s.pre[k] ? 17 : lines.owner[i] === s.post[k] ? 8 : 0
      if (keep === 0) continue
      const d2 = (lines.x[i]! - s.x[k]!) ** 2 + (lines.y[i]! - s.y[k]!) ** 2 + (lines.z[i]! - s.z[k]!) ** 2
      if (d2 < (keep + Math.min(20, 0.65 * lines.r[i]!)) ** 2) out[i] = 1
    }
  return out
}
