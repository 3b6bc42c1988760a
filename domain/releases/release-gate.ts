// What keeps a release from being published by itself: the limits of its run file, and what no release is.
import type { RunConfig } from '../config.ts'
import { map3, shapeOf, voxels, type Box, type Vec3 } from '../geometry.ts'
import { blockOf } from '../models.ts'
import { isPoison, type Hole, type Release } from '../release.ts'
import type { StageName } from '../stages.ts'

/** Counts that the manifest does not hold. */
export interface Counted {
  /** Tiles that were taken; those that were not are holes. */
  readonly tiles: number
  /** Segments in all; null where nothing is segmented. */
  readonly segments: number | null
  /** The one grey value of all the EM; null where there are more. */
  readonly grey: number | null
}

type Gate = RunConfig['release']['gate']
type ShareKey = 'tileHoles' | 'chunkHoles' | 'sectionHoles' | 'blockHoles'

const percent = (share: number): string => `${Math.round(1000 * share) / 10} %`

/** Holes that a refusal names; the manifest has all. */
const SHOWN = 3

/** Of `x0-x1_y0-y1_z0-z1`. */
const boxOf = (name: string): Box => {
  const ranges = name.split('_').map(range => range.split('-').map(Number))
  return { min: map3(a => ranges[a]![0]!), max: map3(a => ranges[a]![1]!) }
}

/** One that is not there is no pattern, however small the dataset; but half of anything is too much. */
export const tooMany = (holes: number, of: number, share: number): boolean =>
  holes > Math.max(1, share * of) || (holes > share * of && 2 * holes >= of)

/** Why a release is not published by itself, a sentence each; none: it is. */
export function refusalsOf(r: Release, config: RunConfig, counted: Counted): string[] {
  const { exclude } = config
  const { gate } = config.release
  const out: string[] = []
  for (const k of ['voiSum', 'arand'] as const) {
    const [limit, value] = [gate[k], r.quality[k]]
    if (limit === undefined) continue
    if (value === undefined) out.push(`release.gate.${k} is ${limit}, but nothing was evaluated`)
    else if (value > limit) out.push(`${k} is ${value.toFixed(3)}, the gate allows ${limit}`)
  }
  const shape = shapeOf(r.bounds)
  const cells = (cell: Vec3): number => shape.reduce((n, v, a) => n * Math.ceil(v / cell[a]!), 1)
  const refuse = (key: ShareKey, what: string, held: readonly Hole[]): void => {
    const first = held.slice(0, SHOWN).map(h => `${h.what}: ${h.reason}`)
    const more = held.length > SHOWN ? ', ...' : ''
    out.push(`${what} are holes, release.gate.${key} allows ${percent(gate[key])} (${first.join(', ')}${more})`)
  }
  /** Holes by what they are of, each once. */
  const of = (wanted: (h: Hole) => boolean): Hole[] => [
    ...new Map(r.holes.filter(wanted).map((h): [string, Hole] => [h.what, h])).values(),
  ]
  const share = (key: ShareKey, what: string, held: readonly Hole[], all: number): void => {
    if (tooMany(held.length, all, gate[key])) refuse(key, `${held.length} of ${all} ${what}`, held)
  }
  const tiles = of(h => h.stage === 'ingest' && / tile /.test(h.what))
  share('tileHoles', 'tiles', tiles, counted.tiles + tiles.length)
  const lacks = of(h => h.stage === 'ingest' && h.what.startsWith('box '))
  const lacking = lacks.reduce((n, h) => n + voxels(boxOf(h.what.slice('box '.length))), 0) / voxels(r.bounds)
  if (lacks.length > 1 && lacking > gate.chunkHoles) refuse('chunkHoles', `${percent(lacking)} of the volume`, lacks)
  // What a person has left out is no surprise.
  const known = new Set(exclude.sections.map(e => `section ${e.section}`))
  const sections = of(h => h.stage === 'align' && !known.has(h.what))
  share('sectionHoles', 'sections', sections, shape[2])
  for (const stage of new Set(r.holes.filter(isPoison).map(h => h.stage))) {
    const failed = of(h => h.stage === stage && isPoison(h))
    const are = (unit: string) => (h: Hole) => h.what.startsWith(unit)
    share('blockHoles', `blocks of ${stage}`, failed.filter(are('block')), cells(blockOf(config, stage as StageName)))
    share('blockHoles', `regions of ${stage}`, failed.filter(are('region')), cells(config.grid.region))
  }
  if (counted.grey !== null) out.push(`every voxel of the EM is ${counted.grey}`)
  if (counted.segments === 0) out.push('there is no segment')
  const blocks = cells(blockOf(config, 'supervoxel'))
  if (counted.segments === 1 && blocks > 1) out.push(`there is one segment in ${blocks} blocks`)
  return out
}

/** The limits as people read them. */
export const gateText = (g: Gate): string =>
  [
    ...(g.voiSum === undefined ? [] : [`VOI ${g.voiSum}`]),
    ...(g.arand === undefined ? [] : [`ARAND ${g.arand}`]),
    `holes ${percent(g.tileHoles)} of tiles, ${percent(g.chunkHoles)} of a volume, ${percent(g.sectionHoles)} of sections, ${percent(g.blockHoles)} of blocks`,
  ].join(', ')
