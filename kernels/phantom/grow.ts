// Grows the neurites: persistent random walks that feel for free space, swell, taper, branch and stop where it is full.
import { growingSpheres } from './grid.ts'
import type { GrowingSpheres } from './grid.ts'
import { stream } from './random.ts'
import type { Stream } from './random.ts'
import type { PhantomSpec } from './types.ts'

/** Neurites are grown this far outside the specimen, since warped sections look beyond its faces. */
const growMargin = 64
const thinnest = 5.5
/** Voids with less room than this are left to their neighbours. */
const leastRoom = 6.5

interface Tip {
  x: number
  y: number
  z: number
  /** Direction of growth, unit length. */
  dx: number
  dy: number
  dz: number
  radius: number
  /** Length left to grow. */
  length: number
  previous: number
}

/** Centre-line samples of every neurite, in the order grown. */
export function growNeurites(spec: PhantomSpec): GrowingSpheres {
  const random = stream(spec.seed, 11)
  const low = spec.size.map(() => -growMargin)
  const high = spec.size.map(s => s + growMargin)
  const largest = 1.4 * spec.calibre[1]
  const spheres = growingSpheres(low, high, largest)
  const volume = (high[0]! - low[0]!) * (high[1]! - low[1]!) * (high[2]! - low[2]!)
  let id = 0
  let tubes = 0
  for (let fails = 0; fails < 40;) {
    const share = tubes / volume
    const wanted =
      share < 0.36 ? random.range(spec.calibre[0], spec.calibre[1]) : share < 0.5 ? random.range(9, spec.calibre[0]) : 9
    const tip = emptySpot(spheres, random, low, high, wanted)
    if (tip.radius < leastRoom) {
      fails++
      continue
    }
    id++
    const rowsBefore = spheres.x.length
    growNeurite(spheres, random, low, high, id, tip)
    for (let i = rowsBefore; i < spheres.x.length; i++) tubes += spheres.r[i]! ** 3 * Math.PI * 0.35
  }
  straighten(spheres)
  return spheres
}

/** The roomiest of some random places, as a tip of the radius that fits there. */
function emptySpot(s: GrowingSpheres, random: Stream, low: number[], high: number[], wanted: number): Tip {
  const tip: Tip = { x: 0, y: 0, z: 0, dx: 0, dy: 0, dz: 1, radius: -1, length: Infinity, previous: -1 }
  for (let t = 0; t < 60 && tip.radius < wanted; t++) {
    const x = random.range(low[0]!, high[0]!)
    const y = random.range(low[1]!, high[1]!)
    const z = random.range(low[2]!, high[2]!)
    const room = s.clearance(x, y, z, 0, 0, wanted)
    if (room <= tip.radius) continue
    tip.x = x
    tip.y = y
    tip.z = z
    tip.radius = room
  }
  return tip
}

function growNeurite(s: GrowingSpheres, random: Stream, low: number[], high: number[], id: number, start: Tip): void {
  const d = direction(random)
  const first = s.x.length
  const length = random.range(250, 1200)
  const root = s.add(start.x, start.y, start.z, start.radius, id, -1)
  const branches: Tip[] = []
  for (const sign of [1, -1])
    growBranch(s, random, low, high, id, first, branches, {
      ...start,
      dx: d[0] * sign,
      dy: d[1] * sign,
      dz: d[2] * sign,
      length,
      previous: root,
    })
  for (let b = 0; b < branches.length && b < 12; b++)
    growBranch(s, random, low, high, id, first, branches, branches[b]!)
}

/** Grows from a tip until its length is spent, space runs out or it leaves the box; leaves new branch tips in `branches`. */
function growBranch(
  s: GrowingSpheres,
  random: Stream,
  low: number[],
  high: number[],
  id: number,
  before: number,
  branches: Tip[],
  tip: Tip,
): void {
  const whole = Math.min(tip.length, 600)
  const base = tip.radius
  let radius = tip.radius
  let swell = 0
  let sinceBranch = 0
  // Spheres laid in the last few steps, and those at the branch point, are neighbours and no obstacles.
  const recent: number[] = []
  for (let grown = 0; tip.length > 0;) {
    const step = Math.max(5, 0.42 * radius)
    swell += (random.normal() * 0.34 - swell) * Math.min(1, step / 28)
    const taper = 1 - 0.45 * Math.min(1, grown / whole)
    const target = Math.min(s.largest, Math.max(thinnest, base * taper * (1 + 1.3 * swell)))
    const own = recent.length > 12 ? recent[recent.length - 12]! : before
    let best = -Infinity
    let bx = 0
    let by = 0
    let bz = 0
    for (let c = 0; c < 11; c++) {
      const e = direction(random)
      const spread = c === 0 ? 0 : 0.55
      let vx = tip.dx + spread * e[0]
      let vy = tip.dy + spread * e[1]
      let vz = tip.dz + spread * e[2]
      const norm = 1 / Math.sqrt(vx * vx + vy * vy + vz * vz)
      vx *= norm
      vy *= norm
      vz *= norm
      const ahead = step + target * 0.7
      const room = s.clearance(tip.x + vx * ahead, tip.y + vy * ahead, tip.z + vz * ahead, id, own, target * 1.15)
      const score = room / target + 0.9 * (vx * tip.dx + vy * tip.dy + vz * tip.dz)
      if (score <= best) continue
      best = score
      bx = vx
      by = vy
      bz = vz
    }
    const x = tip.x + bx * step
    const y = tip.y + by * step
    const z = tip.z + bz * step
    const room = s.clearance(x, y, z, id, own, target)
    const next = Math.min(room, radius + 0.3 * step, Math.max(target, radius - 0.3 * step))
    if (next < thinnest) return
    if (x < low[0]! || y < low[1]! || z < low[2]! || x > high[0]! || y > high[1]! || z > high[2]!) return
    tip.previous = s.add(x, y, z, next, id, tip.previous)
    recent.push(tip.previous)
    tip.x = x
    tip.y = y
    tip.z = z
    tip.dx = bx
    tip.dy = by
    tip.dz = bz
    radius = next
    tip.length -= step
    grown += step
    sinceBranch += step
    if (sinceBranch > 40 && random.next() < step / 150) {
      sinceBranch = 0
      branches.push(branchTip(tip, radius, random))
    }
  }
}

/** A side branch: steep to its parent, thinner, of limited length. */
function branchTip(tip: Tip, radius: number, random: Stream): Tip {
  const e = direction(random)
  const along = e[0] * tip.dx + e[1] * tip.dy + e[2] * tip.dz
  let dx = e[0] - along * tip.dx + 0.4 * tip.dx
  let dy = e[1] - along * tip.dy + 0.4 * tip.dy
  let dz = e[2] - along * tip.dz + 0.4 * tip.dz
  const norm = 1 / Math.sqrt(dx * dx + dy * dy + dz * dz)
  dx *= norm
  dy *= norm
  dz *= norm
  return {
    ...tip,
    dx,
    dy,
    dz,
    radius: Math.max(thinnest + 1, radius * random.range(0.5, 0.8)),
    length: random.range(80, 320),
  }
}

function direction(random: Stream): [number, number, number] {
  for (;;) {
    const x = random.range(-1, 1)
    const y = random.range(-1, 1)
    const z = random.range(-1, 1)
    const n2 = x * x + y * y + z * z
    if (n2 > 1 || n2 < 0.01) continue
    const n = 1 / Math.sqrt(n2)
    return [x * n, y * n, z * n]
  }
}

/** Takes the zigzag out of centre lines and radii: each inner sample moves towards the mean of its neighbours. */
function straighten(s: GrowingSpheres): void {
  for (const line of [s.x, s.y, s.z, s.r])
    for (let pass = 0; pass < 4; pass++) {
      const old = line.slice()
      for (let i = 1; i + 1 < line.length; i++)
        if (s.previous[i] === i - 1 && s.previous[i + 1] === i)
          line[i] = 0.5 * old[i]! + 0.25 * (old[i - 1]! + old[i + 1]!)
    }
}
