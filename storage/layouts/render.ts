// Tile specs of the Render web service: as an array, one a line, or a collection by tileId; affine transforms become nominal positions.
import { z } from 'zod'
import {
  identity,
  layoutError,
  nominal,
  sectionNumbers,
  andThen,
  type Affine,
  type ListedTile,
  type ParsedLayout,
} from './types.ts'

const TransformSpec = z.object({
  type: z.string().optional(),
  className: z.string().optional(),
  dataString: z.string().optional(),
  refId: z.string().optional(),
  get specList(): z.ZodOptional<z.ZodArray<typeof TransformSpec>> {
    return z.array(TransformSpec).optional()
  },
})
type TransformSpec = z.infer<typeof TransformSpec>
const TileSpec = z.object({
  tileId: z.string().min(1),
  z: z.number().optional(),
  width: z.number().positive(),
  height: z.number().positive(),
  minX: z.number().optional(),
  minY: z.number().optional(),
  layout: z
    .object({ sectionId: z.string().optional(), stageX: z.number().optional(), stageY: z.number().optional() })
    .optional(),
  mipmapLevels: z.record(z.string(), z.object({ imageUrl: z.string().optional(), maskUrl: z.string().optional() })),
  transforms: TransformSpec.optional(),
  lastTransform: TransformSpec.optional(),
})

/** Whether a JSON value looks like a tile spec. */
export const isTileSpec = (v: unknown): boolean =>
  typeof v === 'object' && v !== null && 'tileId' in v && ('mipmapLevels' in v || 'transforms' in v)

export function parseRender(specs: readonly unknown[], name: string, shared: readonly unknown[] = []): ParsedLayout {
  const known = new Map(
    shared.flatMap(s => {
      const parsed = TransformSpec.and(z.object({ id: z.string() })).safeParse(s)
      return parsed.success ? [[parsed.data.id, parsed.data] as const] : []
    }),
  )
  const left = new Map<string, number>()
  const leave = (what: string): Affine => {
    left.set(what, (left.get(what) ?? 0) + 1)
    return identity
  }
  /** A spec as one affine; what is none of the linear models is left out, and counted. */
  const affine = (t: TransformSpec): Affine => {
    if (t.specList) return t.specList.map(affine).reduce(andThen, identity)
    if (t.refId !== undefined)
      return known.has(t.refId) ? affine(known.get(t.refId)!) : leave(`shared transform ${t.refId}`)
    const n = (t.dataString ?? '').trim().split(/\s+/).map(Number)
    const model = (t.className ?? t.type ?? 'unnamed').replace(/^.*\./, '')
    const turn = (s: number, angle: number, x: number, y: number): Affine => [
      s * Math.cos(angle),
      s * Math.sin(angle),
      -s * Math.sin(angle),
      s * Math.cos(angle),
      x,
      y,
    ]
    if (n.some(Number.isNaN)) return leave(model)
    if (model === 'AffineModel2D' && n.length === 6) return n as unknown as Affine
    if (model === 'TranslationModel2D' && n.length === 2) return [1, 0, 0, 1, n[0]!, n[1]!]
    if (model === 'RigidModel2D' && n.length === 3) return turn(1, n[0]!, n[1]!, n[2]!)
    if (model === 'SimilarityModel2D' && n.length === 4) return turn(n[0]!, n[1]!, n[2]!, n[3]!)
    return leave(model)
  }
  const parsed = specs.map((s, i) => {
    const p = TileSpec.safeParse(s)
    if (p.success) return p.data
    const issue = p.error.issues[0]!
    throw layoutError(name, `tile spec ${i}: ${issue.path.join('.') || 'the whole'}: ${issue.message}`)
  })
  const label = (t: (typeof parsed)[number]): string => String(t.z ?? t.layout?.sectionId ?? '0')
  const sections = sectionNumbers(parsed.map(label))
  let bent = 0
  const tiles = parsed.map((t): ListedTile => {
    const given = [t.transforms, t.lastTransform].find(
      s => s && (s.specList ? s.specList.length > 0 : (s.dataString ?? s.refId)),
    )
    const at = given
      ? affine(given)
      : ([1, 0, 0, 1, t.layout?.stageX ?? t.minX ?? NaN, t.layout?.stageY ?? t.minY ?? NaN] as const)
    const url = t.mipmapLevels['0']?.imageUrl
    if (!url) throw layoutError(name, `tile ${t.tileId}: no image of full size (mipmapLevels.0.imageUrl)`)
    const place = nominal(at, t.width, t.height)
    if (!place)
      throw layoutError(
        name,
        `tile ${t.tileId}: its affine ${at.map(v => +v.toFixed(4)).join(' ')} ${Number.isNaN(at[4]) ? 'is not given, nor a stage position' : 'turns, scales or shears it by more than a tenth: positions of tiles as they were taken are read'}`,
      )
    bent = Math.max(bent, place.bent)
    return {
      section: sections.of(label(t)),
      name: t.tileId,
      file: url,
      x: place.x,
      y: place.y,
      width: t.width,
      height: t.height,
    }
  })
  const notes = [...left].map(([what, n]) => `${what} is no affine: left out for ${n} tiles, their seams are measured`)
  if (bent > 1e-3)
    notes.push(
      `affines bend tiles by up to ${(100 * bent).toFixed(1)} %: their centres are taken, the rest is measured`,
    )
  if (parsed.some(t => t.mipmapLevels['0']?.maskUrl)) notes.push('masks are not read')
  return { kind: 'render', tiles, notes: [...notes, ...sections.notes] }
}
