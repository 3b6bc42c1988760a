// Grows the neurites: persistent random walks that feel for free space, swell, taper, branch and stop where it is full.
import { tick } from '../kernels/tick.ts'
import { dot, map3, move, type Vec3 } from '../kernels/types.ts'
import { growingSpheres, type GrowingSpheres } from './grid.ts'
import { stream, type Stream } from './random.ts'
import type { PhantomSpec } from './types.ts'

/** Neurites are grown this far outside the specimen, since warped sections look beyond its faces. */
const growMargin = 64
const thinnest = 5.5
/** Voids with less room than this are left to their neighbours. */
const leastRoom = 6.5

interface Tip {
  at: Vec3
  /** Direction of growth, unit length. */
  way: Vec3
  radius: number
  /** Length left to grow. */
  length: number
  previous: number
}

/** What there is so far, the randomness, and the box that is filled. */
interface Growth {
  readonly spheres: GrowingSpheres
  readonly random: Stream
  readonly low: Vec3
  readonly high: Vec3
}

/** Centre-line samples of every neurite, in the order grown. */
export function growNeurites(spec: PhantomSpec): GrowingSpheres {
  const random = stream(spec.seed, 11)
  const low = map3(() => -growMargin)
  const high = map3(a => spec.size[a] + growMargin)
  const spheres = growingSpheres(low, high, 1.4 * spec.calibre[1])
  const volume = (high[0] - low[0]) * (high[1] - low[1]) * (high[2] - low[2])
  const growth = { spheres, random, low, high }
  let id = 0
  let tubes = 0
  for (let fails = 0; fails < 40;) {
    const share = tubes / volume
    const wanted =
      share < 0.36 ? random.range(spec.calibre[0], spec.calibre[1]) : share < 0.5 ? random.range(9, spec.calibre[0]) : 9
    const tip = emptySpot(growth, wanted)
    if (tip.radius < leastRoom) {
      fails++
      continue
    }
    const rowsBefore = spheres.x.length
    tick()
    growNeurite(growth, ++id, tip)
    for (let i = rowsBefore; i < spheres.x.length; i++) tubes += spheres.r[i]! ** 3 * Math.PI * 0.35
  }
  straighten(spheres)
  return spheres
}

/** The roomiest of some random places, as a tip of the radius that fits there. */
function emptySpot({ spheres, random, low, high }: Growth, wanted: number): Tip {
  const tip: Tip = { at: [0, 0, 0], way: [0, 0, 1], radius: -1, length: Infinity, previous: -1 }
  for (let t = 0; t < 60 && tip.radius < wanted; t++) {
    const at = map3(a => random.range(low[a], high[a]))
    const room = spheres.clearance(at, 0, 0, wanted)
    if (room <= tip.radius) continue
    tip.at = at
    tip.radius = room
  }
  return tip
}

function growNeurite(growth: Growth, id: number, start: Tip): void {
  const { spheres, random } = growth
  const way = direction(random)
  const first = spheres.x.length
  const length = random.range(250, 1200)
  const previous = spheres.add(start.at, start.radius, id, -1)
  const branches: Tip[] = []
  for (const sign of [1, -1])
    growBranch(growth, id, first, branches, { ...start, way: map3(a => way[a] * sign), length, previous })
  for (let b = 0; b < branches.length && b < 12; b++) growBranch(growth, id, first, branches, branches[b]!)
}

/** Grows from a tip until its length is spent, space runs out or it leaves the box; leaves new branch tips in `branches`. */
function growBranch(
  { spheres, random, low, high }: Growth,
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
    const target = Math.min(spheres.largest, Math.max(thinnest, base * taper * (1 + 1.3 * swell)))
    const own = recent.length > 12 ? recent[recent.length - 12]! : before
    let best = -Infinity
    let way: Vec3 = [0, 0, 0]
    for (let c = 0; c < 11; c++) {
      const e = direction(random)
      const spread = c === 0 ? 0 : 0.55
      const v = unitVector(move(tip.way, e, spread))
      const ahead = step + target * 0.7
      const room = spheres.clearance(move(tip.at, v, ahead), id, own, target * 1.15)
      const score = room / target + 0.9 * dot(v, tip.way)
      if (score <= best) continue
      best = score
      way = v
    }
    const at = move(tip.at, way, step)
    const room = spheres.clearance(at, id, own, target)
    const next = Math.min(room, radius + 0.3 * step, Math.max(target, radius - 0.3 * step))
    if (next < thinnest || at.some((v, a) => v < low[a]! || v > high[a]!)) return
    tip.previous = spheres.add(at, next, id, tip.previous)
    recent.push(tip.previous)
    tip.at = at
    tip.way = way
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
  const along = dot(e, tip.way)
  const way = unitVector(map3(a => e[a] - along * tip.way[a] + 0.4 * tip.way[a]))
  const thinner = Math.max(thinnest + 1, radius * random.range(0.5, 0.8))
  return { ...tip, way, radius: thinner, length: random.range(80, 320) }
}

function unitVector(v: Vec3): Vec3 {
  const scale = 1 / Math.sqrt(dot(v, v))
  return [v[0] * scale, v[1] * scale, v[2] * scale]
}

function direction(random: Stream): Vec3 {
  for (;;) {
    const v: Vec3 = [random.range(-1, 1), random.range(-1, 1), random.range(-1, 1)]
    const n2 = dot(v, v)
    if (n2 <= 1 && n2 >= 0.01) return unitVector(v)
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
