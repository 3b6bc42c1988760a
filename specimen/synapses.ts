// Puts synapses where two neurites share a broad, smooth stretch of membrane, with a cloud of vesicles on the pre side.
import { dot, map3, move, type Vec3 } from '../kernels/types.ts'
import type { Field } from './field.ts'
import { fieldRow, probeRow } from './probe.ts'
import { stream, type Stream } from './random.ts'
import { samplesOf, type Row } from './samples.ts'
import type { PhantomScene, PhantomSpec } from './types.ts'

/** Synapses are also placed this far outside the specimen, so that its faces look like its inside. */
export const synapseMargin = 24
const fewestVesicles = 15
const mostVesicles = 40
/** Vesicles lie within this of the centre of the cleft, voxels. */
const cloudRadius = 25
/** How far the partner points stand off the centre of the cleft, voxels. */
export const preStand = 8
export const postStand = 6

/** Asks a field for single points, rounded to voxels: signed distance to the boundary of one pair, positive inside `a`. */
function asker(field: Field) {
  const row = fieldRow(1)
  return {
    at([x, y, z]: Vec3) {
      probeRow(field, Math.round(x), Math.round(y), Math.round(z), 1, row)
      return { owner: row.owner[0]!, other: row.other[0]!, distance: row.distance[0]! }
    },
    /** NaN where the pair does not meet. */
    signed(p: Vec3, a: number, b: number) {
      const { owner, other, distance } = this.at(p)
      return owner === a && other === b ? distance : owner === b && other === a ? -distance : NaN
    },
  }
}

type Asker = ReturnType<typeof asker>

const unitOf = (p: Vec3, length: number): Vec3 => [p[0] / length, p[1] / length, p[2] / length]
const cross = ([a, b, c]: Vec3, [u, v, w]: Vec3): Vec3 => [b * w - c * v, c * u - a * w, a * v - b * u]
const squaredApart = (p: Vec3, q: Vec3): number => (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 + (p[2] - q[2]) ** 2

/** Unit normal of the boundary at p, towards a; undefined where it is not a clean boundary of the two. */
function normalAt(ask: Asker, p: Vec3, a: number, b: number): Vec3 | undefined {
  const beside = (axis: number, by: number) => {
    const at = map3(k => (k === axis ? p[k] + by : p[k]))
    return ask.signed(at, a, b)
  }
  const slopes = map3(axis => beside(axis, 4) - beside(axis, -4))
  const n = Math.sqrt(dot(slopes, slopes))
  return n > 4 ? unitOf(slopes, n) : undefined
}

/** Two unit vectors across n. */
function across(n: Vec3): [Vec3, Vec3] {
  const u = cross(n, Math.abs(n[0]) < 0.8 ? [1, 0, 0] : [0, 1, 0])
  const e = unitOf(u, Math.sqrt(dot(u, u)))
  return [e, cross(n, e)]
}

/** Sines of the eight directions around a disc. */
const rim = [0, 0.7, 1, 0.7, 0, -0.7, -1, -0.7]

/** Whether the disc of radius r lies on the boundary of the pair, with room behind it on both sides. */
function fits(ask: Asker, c: Vec3, n: Vec3, r: number, pre: number, post: number): boolean {
  const [u, v] = across(n)
  for (let k = 0; k < 8; k++) {
    const s = ask.signed(move(move(c, u, rim[(k + 2) % 8]! * r), v, rim[k]! * r), pre, post)
    if (!(Math.abs(s) < 3.6)) return false
  }
  const inPre = ask.at(move(c, n, preStand))
  return inPre.owner === pre && inPre.distance > 4 && ask.at(move(c, n, -postStand)).owner === post
}

/** Vesicle centres and radii in the cloud of a synapse, clear of membranes and each other. */
function vesicleCloud(ask: Asker, random: Stream, c: Vec3, n: Vec3, pre: number) {
  const wanted = Math.round(random.range(fewestVesicles + 3, mostVesicles))
  const out: { at: Vec3; r: number }[] = []
  for (let t = 0; t < 500 && out.length < wanted; t++) {
    // Denser near the cleft.
    const reach = cloudRadius * random.range(0.45, 1)
    const at = map3(a => c[a] + random.range(-reach, reach))
    const r = random.range(2.1, 3)
    if (dot(move(at, c, -1), n) < 4 || squaredApart(at, c) > cloudRadius ** 2) continue
    const { owner, distance } = ask.at(at)
    if (owner !== pre || distance < r + 2) continue
    if (out.some(o => squaredApart(o.at, at) < (o.r + r + 0.6) ** 2)) continue
    out.push({ at, r })
  }
  return out
}

/** Synapses and vesicles of a scene; `field` covers the specimen with its synapse margin. */
export function placeSynapses(
  spec: PhantomSpec,
  lines: PhantomScene['lines'],
  field: Field,
): Pick<PhantomScene, 'synapses' | 'vesicles'> {
  const random = stream(spec.seed, 41)
  const ask = asker(field)
  const inside = (p: Vec3) => p.every((v, a) => v >= -synapseMargin && v < spec.size[a]! + synapseMargin)
  const wanted = Math.round(
    spec.size.reduce((product, s) => product * (s + 2 * synapseMargin), 1) / spec.voxelsPerSynapse,
  )
  const discs: (Row & { n: Vec3; post: number })[] = []
  const vesicles: Row[] = []
  const lineAt = (i: number): Vec3 => [lines.x[i]!, lines.y[i]!, lines.z[i]!]
  const candidates = Array.from(lines.x.keys()).filter(i => lines.r[i]! > 8 && inside(lineAt(i)))
  for (let t = 0; t < 200 * wanted && discs.length < wanted; t++) {
    const from = candidates[Math.floor(random.next() * candidates.length)]
    if (from === undefined) break
    const r = random.range(7, 12)
    const way = map3(() => random.range(-1, 1))
    const l = Math.sqrt(dot(way, way))
    if (l < 0.2 || l > 1) continue
    const pre = lines.owner[from]!
    const hit = walkOut(ask, lineAt(from), unitOf(way, l), pre, inside)
    if (!hit || discs.some(d => squaredApart(d.at, hit.p) < 26 ** 2)) continue
    const n = normalAt(ask, hit.p, pre, hit.post)
    if (!n) continue
    const c = move(hit.p, n, -ask.signed(hit.p, pre, hit.post))
    if (!inside(c) || !(Math.abs(ask.signed(c, pre, hit.post)) < 1.2)) continue
    if (!fits(ask, c, n, r, pre, hit.post)) continue
    const cloud = vesicleCloud(ask, random, c, n, pre)
    if (cloud.length < fewestVesicles) continue
    discs.push({ at: c, r, n, owner: pre, post: hit.post })
    for (const v of cloud) vesicles.push({ ...v, owner: pre })
  }
  const { owner: pre, ...spheres } = samplesOf(discs)
  return {
    synapses: {
      ...spheres,
      nx: Float64Array.from(discs, d => d.n[0]),
      ny: Float64Array.from(discs, d => d.n[1]),
      nz: Float64Array.from(discs, d => d.n[2]),
      pre,
      post: Uint32Array.from(discs, d => d.post),
    },
    vesicles: samplesOf(vesicles),
  }
}

/** Walks from inside a neurite until another one begins: where, and which. */
function walkOut(ask: Asker, start: Vec3, way: Vec3, id: number, inside: (p: Vec3) => boolean) {
  for (let by = 0; by < 60; by += 1.5) {
    const p = move(start, way, by)
    if (!inside(p)) continue
    const { owner } = ask.at(p)
    if (owner !== id) return by === 0 ? undefined : { p, post: owner }
  }
  return undefined
}
