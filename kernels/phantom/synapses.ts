// Puts synapses where two neurites share a broad, smooth stretch of membrane, with a cloud of vesicles on the pre side.
import type { Field } from './field.ts'
import { fieldRow, probeRow } from './probe.ts'
import { stream } from './random.ts'
import type { Stream } from './random.ts'
import { samplesOf } from './samples.ts'
import type { Row } from './samples.ts'
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

interface Point {
  x: number
  y: number
  z: number
}

/** Asks a field for single points, rounded to voxels: signed distance to the boundary of one pair, positive inside `a`. */
function asker(field: Field) {
  const row = fieldRow(1)
  return {
    at(p: Point) {
      probeRow(field, Math.round(p.x), Math.round(p.y), Math.round(p.z), 1, row)
      return { owner: row.owner[0]!, other: row.other[0]!, distance: row.distance[0]! }
    },
    /** NaN where the pair does not meet. */
    signed(p: Point, a: number, b: number) {
      const { owner, other, distance } = this.at(p)
      return owner === a && other === b ? distance : owner === b && other === a ? -distance : NaN
    },
  }
}

type Asker = ReturnType<typeof asker>

const move = (p: Point, d: Point, by: number): Point => ({ x: p.x + d.x * by, y: p.y + d.y * by, z: p.z + d.z * by })
const unitOf = (p: Point, length: number): Point => ({ x: p.x / length, y: p.y / length, z: p.z / length })
const dot = (p: Point, q: Point): number => p.x * q.x + p.y * q.y + p.z * q.z
const cross = (p: Point, q: Point): Point => ({
  x: p.y * q.z - p.z * q.y,
  y: p.z * q.x - p.x * q.z,
  z: p.x * q.y - p.y * q.x,
})
const squaredApart = (p: Point, q: Point): number => (p.x - q.x) ** 2 + (p.y - q.y) ** 2 + (p.z - q.z) ** 2

/** Unit normal of the boundary at p, towards a; undefined where it is not a clean boundary of the two. */
function normalAt(ask: Asker, p: Point, a: number, b: number): Point | undefined {
  const slope = (axis: 'x' | 'y' | 'z') =>
    ask.signed({ ...p, [axis]: p[axis] + 4 }, a, b) - ask.signed({ ...p, [axis]: p[axis] - 4 }, a, b)
  const slopes = { x: slope('x'), y: slope('y'), z: slope('z') }
  const n = Math.sqrt(dot(slopes, slopes))
  return n > 4 ? unitOf(slopes, n) : undefined
}

/** Two unit vectors across n. */
function across(n: Point): [Point, Point] {
  const u = cross(n, Math.abs(n.x) < 0.8 ? { x: 1, y: 0, z: 0 } : { x: 0, y: 1, z: 0 })
  const e = unitOf(u, Math.sqrt(dot(u, u)))
  return [e, cross(n, e)]
}

/** Sines of the eight directions around a disc. */
const rim = [0, 0.7, 1, 0.7, 0, -0.7, -1, -0.7]

/** Whether the disc of radius r lies on the boundary of the pair, with room behind it on both sides. */
function fits(ask: Asker, c: Point, n: Point, r: number, pre: number, post: number): boolean {
  const [u, v] = across(n)
  for (let k = 0; k < 8; k++) {
    const s = ask.signed(move(move(c, u, rim[(k + 2) % 8]! * r), v, rim[k]! * r), pre, post)
    if (!(Math.abs(s) < 3.6)) return false
  }
  const inPre = ask.at(move(c, n, preStand))
  return inPre.owner === pre && inPre.distance > 4 && ask.at(move(c, n, -postStand)).owner === post
}

/** Vesicle centres and radii in the cloud of a synapse, clear of membranes and each other. */
function vesicleCloud(ask: Asker, random: Stream, c: Point, n: Point, pre: number) {
  const wanted = Math.round(random.range(fewestVesicles + 3, mostVesicles))
  const out: (Point & { r: number })[] = []
  for (let t = 0; t < 500 && out.length < wanted; t++) {
    // Denser near the cleft.
    const reach = cloudRadius * random.range(0.45, 1)
    const p = {
      x: c.x + random.range(-reach, reach),
      y: c.y + random.range(-reach, reach),
      z: c.z + random.range(-reach, reach),
    }
    const r = random.range(2.1, 3)
    if (dot(move(p, c, -1), n) < 4 || squaredApart(p, c) > cloudRadius ** 2) continue
    const { owner, distance } = ask.at(p)
    if (owner !== pre || distance < r + 2) continue
    if (out.some(o => squaredApart(o, p) < (o.r + r + 0.6) ** 2)) continue
    out.push({ ...p, r })
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
  const inside = (p: Point) => [p.x, p.y, p.z].every((v, a) => v >= -synapseMargin && v < spec.size[a]! + synapseMargin)
  const wanted = Math.round(
    spec.size.reduce((product, s) => product * (s + 2 * synapseMargin), 1) / spec.voxelsPerSynapse,
  )
  const discs: (Row & { n: Point; post: number })[] = []
  const vesicles: Row[] = []
  const candidates = Array.from(lines.x, (_, i) => i).filter(
    i => lines.r[i]! > 8 && inside({ x: lines.x[i]!, y: lines.y[i]!, z: lines.z[i]! }),
  )
  for (let t = 0; t < 200 * wanted && discs.length < wanted; t++) {
    const from = candidates[Math.floor(random.next() * candidates.length)]
    if (from === undefined) break
    const start = { x: lines.x[from]!, y: lines.y[from]!, z: lines.z[from]! }
    const r = random.range(7, 12)
    const way = { x: random.range(-1, 1), y: random.range(-1, 1), z: random.range(-1, 1) }
    const l = Math.sqrt(dot(way, way))
    if (l < 0.2 || l > 1) continue
    const pre = lines.owner[from]!
    const hit = walkOut(ask, start, unitOf(way, l), pre, inside)
    if (!hit || discs.some(d => squaredApart(d, hit.p) < 26 ** 2)) continue
    const n = normalAt(ask, hit.p, pre, hit.post)
    if (!n) continue
    const c = move(hit.p, n, -ask.signed(hit.p, pre, hit.post))
    if (!inside(c) || !(Math.abs(ask.signed(c, pre, hit.post)) < 1.2)) continue
    if (!fits(ask, c, n, r, pre, hit.post)) continue
    const cloud = vesicleCloud(ask, random, c, n, pre)
    if (cloud.length < fewestVesicles) continue
    discs.push({ ...c, r, n, owner: pre, post: hit.post })
    for (const v of cloud) vesicles.push({ ...v, owner: pre })
  }
  const { owner: pre, ...spheres } = samplesOf(discs)
  return {
    synapses: {
      ...spheres,
      nx: Float64Array.from(discs, d => d.n.x),
      ny: Float64Array.from(discs, d => d.n.y),
      nz: Float64Array.from(discs, d => d.n.z),
      pre,
      post: Uint32Array.from(discs, d => d.post),
    },
    vesicles: samplesOf(vesicles),
  }
}

/** Walks from inside a neurite until another one begins: where, and which. */
function walkOut(ask: Asker, start: Point, way: Point, id: number, inside: (p: Point) => boolean) {
  for (let by = 0; by < 60; by += 1.5) {
    const p = move(start, way, by)
    if (!inside(p)) continue
    const { owner } = ask.at(p)
    if (owner !== id) return by === 0 ? undefined : { p, post: owner }
  }
  return undefined
}
