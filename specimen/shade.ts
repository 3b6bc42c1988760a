// Grey values from geometry: cytoplasm, mitochondria, vesicles, membranes and synapses, in the order they cover each other.
import type { Box } from '../kernels/types.ts'
import { makeBuckets, type Buckets } from './buckets.ts'
import { bentSpheres, cellSize, type Field } from './field.ts'
import * as look from './look.ts'
import { tableIndex, type NoiseTables } from './noise.ts'
import type { FieldRow } from './probe.ts'
import type { PhantomScene, Samples } from './types.ts'

export interface Shader {
  readonly tables: NoiseTables
  /** Grey of cytoplasm and strength of its blotches, by neurite id. */
  readonly base: Float64Array
  readonly contrast: Float64Array
  /** Mitochondria in bent space, x, y, z, r, four numbers a row; the other organelles in straight space. */
  readonly mito: Float64Array
  readonly mitoOwner: Uint32Array
  readonly mitoGrey: Float64Array
  readonly mitoCells: Buckets
  readonly vesicle: Float64Array
  readonly vesicleOwner: Uint32Array
  readonly vesicleCells: Buckets
  readonly synapse: Float64Array
  readonly pre: Uint32Array
  readonly post: Uint32Array
  readonly synapseCells: Buckets
}

const fringe = 2

function packed(s: Pick<Samples, 'x' | 'y' | 'z' | 'r'>): Float64Array {
  const out = new Float64Array(4 * s.x.length)
  for (let i = 0; i < s.x.length; i++) out.set([s.x[i]!, s.y[i]!, s.z[i]!, s.r[i]!], 4 * i)
  return out
}

export function makeShader(seed: number, scene: PhantomScene, field: Field, box: Box): Shader {
  const mito = bentSpheres(field.tables, scene.mitochondria)
  for (let i = 3; i < mito.length; i += 4) mito[i] = Math.sqrt(mito[i]!)
  const min = box.min.map(v => Math.floor(v / cellSize))
  const n = box.max.map((v, a) => Math.floor((v - 1) / cellSize) - min[a]! + 1)
  const vesicle = packed(scene.vesicles)
  const synapse = packed(scene.synapses)
  const ids = field.owner.reduce((a, b) => Math.max(a, b), 0) + 1
  return {
    tables: field.tables,
    base: Float64Array.from({ length: ids }, (_, id) => look.cytoplasmGrey(seed, id)),
    contrast: Float64Array.from({ length: ids }, (_, id) => look.cytoplasmContrast(seed, id) / 32),
    mito,
    mitoOwner: scene.mitochondria.owner,
    mitoGrey: Float64Array.from(scene.mitochondria.body, body => look.mitochondrionGrey(seed, body)),
    mitoCells: makeBuckets(mito, fringe, cellSize, field.cells.min, field.cells.n),
    vesicle,
    vesicleOwner: scene.vesicles.owner,
    vesicleCells: makeBuckets(vesicle, fringe, cellSize, min, n),
    synapse,
    pre: scene.synapses.pre,
    post: scene.synapses.post,
    synapseCells: makeBuckets(synapse, look.cloudReach, cellSize, min, n),
  }
}

/** Shades a row of voxels that starts at (x, y, z) into em[at ..]. */
export function shadeRow(
  s: Shader,
  row: FieldRow,
  x: number,
  y: number,
  z: number,
  length: number,
  em: Uint8Array,
  at: number,
): void {
  const { warpX, warpY, blotch, grain } = s.tables
  const { min, n } = s.vesicleCells
  const strip = n[0]! * (Math.floor(y / cellSize) - min[1]! + n[1]! * (Math.floor(z / cellSize) - min[2]!)) - min[0]!
  for (let i = 0; i < length; i++) {
    const t = tableIndex(x + i, y, z)
    const owner = row.owner[i]!
    const d = row.distance[i]!
    const fine = grain[t]! / 32
    let grey = s.base[owner]! + warpX[t]! / 320 + blotch[t]! * s.contrast[owner]!
    const cell = row.cell[i]!
    if (d > look.mitoGap - 1 && s.mitoCells.starts[cell]! < s.mitoCells.starts[cell + 1]!)
      grey = mitochondria(s, row, i, grey, t)
    const straight = strip + Math.floor((x + i) / cellSize)
    const synapse = s.synapseCells.starts[straight]! < s.synapseCells.starts[straight + 1]!
    if (synapse) grey -= cloud(s, straight, owner, x + i, y, z)
    if (s.vesicleCells.starts[straight]! < s.vesicleCells.starts[straight + 1]!)
      grey = vesicles(s, straight, owner, x + i, y, z, grey)
    if (d < look.membraneReach) {
      const w = look.membraneProfile[(d * look.profileSteps) | 0]!
      grey += w * (look.membraneGrey + warpY[t]! / 160 + fine - grey)
    }
    if (synapse && d < 4) grey = clefts(s, straight, row, i, x + i, y, z, grey)
    grey += 1.6 * fine
    em[at + i] = grey < 0 ? 0 : grey > 255 ? 255 : grey + 0.5
  }
}

const ramp = (v: number): number => (v <= 0 ? 0 : v >= 1 ? 1 : v * v * (3 - 2 * v))

/** Distance of a point from the centre of a sphere. */
function away(spheres: Float64Array, row: number, x: number, y: number, z: number): number {
  const dx = spheres[4 * row]! - x
  const dy = spheres[4 * row + 1]! - y
  const dz = spheres[4 * row + 2]! - z
  return Math.sqrt(dx * dx + dy * dy + dz * dz)
}

function mitochondria(s: Shader, row: FieldRow, i: number, grey: number, t: number): number {
  const cell = row.cell[i]!
  const owner = row.owner[i]!
  const { starts, rows } = s.mitoCells
  let deep = Infinity
  let nearest = -1
  for (let c = starts[cell]!; c < starts[cell + 1]!; c++) {
    const m = rows[c]!
    if (s.mitoOwner[m] !== owner) continue
    const from = away(s.mito, m, row.x[i]!, row.y[i]!, row.z[i]!) - s.mito[4 * m + 3]!
    if (from >= deep) continue
    deep = from
    nearest = m
  }
  if (nearest < 0) return grey
  // It keeps off the membrane of its neurite.
  const off = look.mitoGap - row.distance[i]!
  const blend = Math.max(0, 3 - Math.abs(deep - off))
  deep = Math.max(deep, off) + (blend * blend) / 12
  const cover = ramp(0.5 - deep / 3.2)
  const rim = 6 * ramp(1 - Math.abs(deep + 1.2) / 1.5)
  const inside = s.mitoGrey[nearest]! - rim + (s.tables.blotch[t]! * 3.2) / 32
  return grey + cover * (inside - grey)
}

function vesicles(s: Shader, cell: number, owner: number, x: number, y: number, z: number, grey: number): number {
  const { starts, rows } = s.vesicleCells
  let out = grey
  for (let c = starts[cell]!; c < starts[cell + 1]!; c++) {
    const v = rows[c]!
    if (s.vesicleOwner[v] !== owner) continue
    const from = away(s.vesicle, v, x, y, z) - s.vesicle[4 * v + 3]!
    if (from > 1.7) continue
    const shell = ramp(1 - Math.abs(from) / 1.7)
    if (from < 0) out += 7 * (1 - shell)
    out += 0.6 * shell * (look.vesicleShell - out)
  }
  return out
}

/** How much darker the cytoplasm of the presynaptic side is. */
function cloud(s: Shader, cell: number, owner: number, x: number, y: number, z: number): number {
  const { starts, rows } = s.synapseCells
  let most = 0
  for (let c = starts[cell]!; c < starts[cell + 1]!; c++) {
    const k = rows[c]!
    if (s.pre[k] !== owner) continue
    const from = away(s.synapse, k, x, y, z) / (s.synapse[4 * k + 3]! + look.cloudReach)
    most = Math.max(most, look.cloudDepth * ramp(1.6 * (1 - from)))
  }
  return most
}

/** Cleft and postsynaptic density: thicker on the post side. */
function clefts(
  s: Shader,
  cell: number,
  row: FieldRow,
  i: number,
  x: number,
  y: number,
  z: number,
  grey: number,
): number {
  const { starts, rows } = s.synapseCells
  const owner = row.owner[i]!
  const other = row.other[i]!
  const d = row.distance[i]!
  let out = grey
  for (let c = starts[cell]!; c < starts[cell + 1]!; c++) {
    const k = rows[c]!
    const before = s.pre[k] === owner && s.post[k] === other
    if (!before && !(s.post[k] === owner && s.pre[k] === other)) continue
    const from = away(s.synapse, k, x, y, z) - s.synapse[4 * k + 3]!
    const w = ramp(0.4 - from / 4) * ramp(before ? (2.9 - d) / 2.2 : (3.5 - d) / 2.2)
    out += w * (look.synapseGrey - out)
  }
  return out
}
