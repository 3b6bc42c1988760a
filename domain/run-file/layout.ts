// Lists of tiles: where they begin, and which of them are images of the same place.
import type { TileEntry } from './source.ts'
import { configError } from '../errors.ts'
import { map3, type Box, type Vec3 } from '../geometry.ts'

export interface Placed {
  /** With positions and sections that count from the dataset's origin. */
  readonly tiles: readonly TileEntry[]
  readonly bounds: Box
  /** Where that origin lies in the coordinates of the list. */
  readonly offset: Vec3
}

/** More than so many sections without a tile, or so many widths of a tile, are an error of the list and no gap. */
const LARGEST_GAP = [100, 100, 1000] as const

/**
 * Moves a list of tiles to the origin along each axis on which it begins below 0 or a whole tile (section) away from it.
 * @throws HillockError ConfigError where tiles lie so far apart that one of them must be misplaced, or share a name
 */
export function atOrigin(list: readonly TileEntry[]): Placed {
  const from = (t: TileEntry): Vec3 => [t.x, t.y, t.section]
  const size = (t: TileEntry): Vec3 => [t.width, t.height, 1]
  const least = (f: (t: TileEntry) => number): number => list.reduce((m, t) => Math.min(m, f(t)), Infinity)
  const most = (f: (t: TileEntry) => number): number => list.reduce((m, t) => Math.max(m, f(t)), -Infinity)
  for (const a of [0, 1, 2] as const) {
    const sorted = list.toSorted((s, t) => from(s)[a] - from(t)[a])
    for (let i = 1; i < sorted.length; i++) {
      const [before, after] = [sorted[i - 1]!, sorted[i]!]
      if (from(after)[a] - from(before)[a] > LARGEST_GAP[a] * size(before)[a])
        throw configError(
          a === 2
            ? `sections ${before.section} and ${after.section} lie far apart, with none between: ${after.name} or ${before.name} has a wrong section, or these are two datasets`
            : `tiles ${before.name} (section ${before.section}, ${'xy'[a]} ${from(before)[a]}) and ${after.name} (section ${after.section}, ${'xy'[a]} ${from(after)[a]}) lie far apart, with none between: one is misplaced, or these are two datasets`,
        )
    }
  }
  const named = new Map<string, TileEntry>()
  for (const t of list) {
    const other = named.get(`${t.section} ${t.name}`)
    if (other && (Math.abs(other.x - t.x) > t.width / 2 || Math.abs(other.y - t.y) > t.height / 2))
      throw configError(
        `section ${t.section} lists two tiles ${t.name}, at ${other.x}, ${other.y} and at ${t.x}, ${t.y}: a tile imaged twice lies at one place, others need names of their own`,
      )
    named.set(`${t.section} ${t.name}`, t)
  }
  const offset = map3(a => {
    const min = Math.floor(least(t => from(t)[a]))
    return min < 0 || min >= least(t => size(t)[a]) ? min : 0
  })
  const tiles = list.map(t => ({ ...t, x: t.x - offset[0], y: t.y - offset[1], section: t.section - offset[2] }))
  return {
    tiles,
    bounds: { min: [0, 0, 0], max: map3(a => Math.ceil(most(t => from(t)[a] + size(t)[a]) - offset[a])) },
    offset,
  }
}

/** Positions closer than this share of a tile are the same place. */
const SAME = 0.05

/** Images of each place of one section, in the order of the list: the same name, or nearly the same position. */
export function places(section: readonly TileEntry[]): TileEntry[][] {
  const groups: TileEntry[][] = []
  const byName = new Map<string, TileEntry[]>()
  const byCell = new Map<string, TileEntry[]>()
  // Cells as large as the tolerance: what is near lies in the same one or next to it.
  const cell = (t: TileEntry, i = 0, j = 0): string =>
    `${Math.floor(t.x / (SAME * t.width)) + i} ${Math.floor(t.y / (SAME * t.height)) + j}`
  const near = (t: TileEntry): TileEntry[] | undefined => {
    for (const i of [0, -1, 1])
      for (const j of [0, -1, 1]) {
        const group = byCell.get(cell(t, i, j))
        const [o] = group ?? []
        if (o && Math.abs(o.x - t.x) < SAME * t.width && Math.abs(o.y - t.y) < SAME * t.height) return group
      }
    return undefined
  }
  for (const t of section) {
    let group = byName.get(t.name) ?? near(t)
    if (!group) groups.push((group = []))
    group.push(t)
    byName.set(t.name, group)
    byCell.set(cell(t), group)
  }
  return groups
}
