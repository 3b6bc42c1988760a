// A cut across the sections around a place, as they were stitched or as they were aligned: raw pixels of tiles, the nearest one each.
import { z } from 'zod'
import { boxAt, contains, type Vec3 } from '../../domain/geometry.ts'
import type { Release } from '../../domain/release.ts'
import { Alignment, type AlignedSection } from '../../domain/releases/alignment.ts'
import type { ArtifactStore } from '../../storage/artifacts.ts'
import { decodeArrays } from '../../storage/formats/arrays.ts'
import { decodeTile, encodePng } from '../../storage/formats/image.ts'
import { getRaw } from '../../storage/raw.ts'
import { artifactOf, firstOf } from '../../storage/release-index.ts'
import { badRequest, notFound } from '../problem.ts'
import { cached, turns } from '../turns.ts'

/** Pixels of the cut along x, and sections of it: what is decoded for one stays bounded. */
export const CUT = { wide: 640, deep: 48 } as const

const six = z.tuple([z.number(), z.number(), z.number(), z.number(), z.number(), z.number()])
const Transform = z.object({ name: z.string(), width: z.number(), height: z.number(), affine: six, gain: z.number() })
const Stitch = z
  .object({ transforms: z.array(Transform), intensity: z.object({ mean: z.number(), std: z.number() }) })
  .nullable()
const Grey = z.object({ window: z.tuple([z.number(), z.number()]), invert: z.boolean(), void: z.boolean() }).partial()
const Tiles = z.object({
  tiles: z.array(z.object({ name: z.string(), sha256: z.string(), grey: Grey.optional() })),
})

/** `lattice`: spacing, nodes along x and y, place of the first. */
type Field = Readonly<Record<'dx' | 'dy', Float32Array<ArrayBuffer>> & Record<'lattice', Float64Array<ArrayBuffer>>>

/** Where (x, y) lies in the section that a field belongs to: bilinear between the nodes. */
function displaced({ dx, dy, lattice }: Field, x: number, y: number): readonly [number, number] {
  const [spacing, nx, ny, x0, y0] = lattice as unknown as [number, number, number, number, number]
  const [u, v] = [Math.max(0, Math.min(nx - 1, (x - x0) / spacing)), Math.max(0, Math.min(ny - 1, (y - y0) / spacing))]
  const [i, j] = [Math.max(0, Math.min(nx - 2, Math.floor(u))), Math.max(0, Math.min(ny - 2, Math.floor(v)))]
  const [right, below] = [nx > 1 ? 1 : 0, ny > 1 ? nx : 0]
  const at = (d: Float32Array): number => {
    const [n, s, t] = [j * nx + i, u - i, v - j]
    return (1 - t) * ((1 - s) * d[n]! + s * d[n + right]!) + t * ((1 - s) * d[n + below]! + s * d[n + right + below]!)
  }
  return [x + at(dx), y + at(dy)]
}

/** Cuts that are kept: the two of a page, for as many releases as are looked at. */
const KEPT = 64

/** Draws cuts, each once for all who ask: it decodes whole tiles of many sections. */
export function stackCuts(
  artifacts: ArtifactStore,
): (release: Release, at: Vec3, aligned: boolean) => Promise<Uint8Array> {
  const turn = turns(1, 16)
  const drawn = cached(KEPT, (_: string, release: Release, at: Vec3, aligned: boolean) =>
    turn(() => stackCut(artifacts, release, at, aligned)),
  )
  return (release, at, aligned) =>
    drawn([release.dataset, release.release, at, aligned].join('/'), release, at, aligned)
}

/**
 * A grey PNG of the voxels around one along x, a row for each section around it (0 where no tile shows), with the mean and the contrast of each
 * section made the same. The bending of tiles within a section is left out.
 * @throws Problem 400 for a voxel outside, 404 where the release rests on no sections
 */
async function stackCut(artifacts: ArtifactStore, release: Release, at: Vec3, aligned: boolean): Promise<Uint8Array> {
  const [x, y, middle] = at
  const { min, max } = release.bounds
  if (!contains(release.bounds, boxAt(at, [1, 1, 1])))
    throw badRequest(
      `voxel ${at.join(', ')} lies outside of ${release.dataset}/${release.release}`,
      `its voxels go from ${min.join(', ')} to ${max.map(v => v - 1).join(', ')}`,
    )
  const { objects } = artifacts
  const json = async (ref: Parameters<ArtifactStore['get']>[0], path: string): Promise<unknown> =>
    JSON.parse(Buffer.from(await artifacts.get(ref, path)).toString())
  const alignment = await firstOf(objects, release, 'align')
  if (!alignment)
    throw notFound(`${release.dataset}/${release.release} rests on no alignment`, 'only stacks of sections have one')
  const { sections } = Alignment.parse(await json(alignment, 'alignment.json'))
  const around = (a: 0 | 2, v: number, most: number): [number, number] => {
    const [low, high] = [min[a], max[a]]
    const from = Math.max(low, Math.min(high - most, Math.floor(v - most / 2)))
    return [from, Math.min(high, from + most)]
  }
  const [[left, right], [first, end]] = [around(0, x, CUT.wide), around(2, middle, CUT.deep)]
  const width = right - left
  const data = new Uint8Array(width * (end - first))
  const drawRow = async (s: AlignedSection, out: Uint8Array): Promise<void> => {
    const shown = String(aligned ? s.source : s.z)
    const [ingest, stitch] = await Promise.all(
      (['ingest', 'stitch'] as const).map(stage => artifactOf(objects, release, stage, shown)),
    )
    if (!ingest || !stitch) return
    const laid = Stitch.parse(await json(stitch, 'stitch.json'))
    if (!laid) return
    const { tiles } = Tiles.parse(await json(ingest, 'manifest.json'))
    const field = aligned && decodeArrays<Field>(await artifacts.get(alignment, `fields/${s.z}.bin`))
    const pixels = new Map<string, Uint8Array>()
    for (let i = 0; i < width; i++) {
      const [px, py] = field ? displaced(field, left + i, y) : [left + i, y]
      // Of the tiles that cover it, the one that it lies furthest inside of.
      let best: z.infer<typeof Transform> | undefined
      let [u, v, most] = [0, 0, -1]
      for (const t of laid.transforms) {
        const [tx, ty] = [Math.round(px - t.affine[2]), Math.round(py - t.affine[5])]
        const inside = Math.min(tx, ty, t.width - 1 - tx, t.height - 1 - ty)
        if (inside > most) [best, u, v, most] = [t, tx, ty, inside]
      }
      if (!best) continue
      const { name, gain, width: w } = best
      const tile = tiles.find(t => t.name === name)
      if (!tile) continue
      if (!pixels.has(name))
        pixels.set(name, (await decodeTile(await getRaw(objects, tile.sha256), name, tile.grey)).data)
      const grey = pixels.get(name)![v * w + u]! / gain
      out[i] = Math.max(1, Math.min(255, 128 + ((grey - laid.intensity.mean) * 40) / laid.intensity.std))
    }
  }
  for (const s of sections)
    if (s.z >= first && s.z < end) await drawRow(s, data.subarray((s.z - first) * width, (s.z - first + 1) * width))
  return encodePng(data, width, end - first)
}
