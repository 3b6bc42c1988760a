// TrakEM2 projects: the patches of every layer with their matrices; files relative to the project.
import { layoutError, nameOfFile, nominal, type Affine, type ListedTile, type ParsedLayout } from './types.ts'

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const text = (s: string): string =>
  s.replaceAll(/&(#x?)?(\w+);/g, (all, code: string | undefined, what: string) =>
    code ? String.fromCodePoint(Number.parseInt(what, code === '#' ? 10 : 16)) : (ENTITIES[what] ?? all),
  )

export function parseTrakem2(xml: string, name: string): ParsedLayout {
  const notes: string[] = []
  const layers: { z: number; thickness: number; tiles: Omit<ListedTile, 'section'>[] }[] = []
  let bent = 0
  let curved = 0
  let hidden = 0
  for (const [, tag, inside] of xml
    .replaceAll(/<!--[\s\S]*?-->/g, '')
    .matchAll(/<(t2_layer|t2_patch|ict_transform)\s((?:"[^"]*"|'[^']*'|[^>"'])*)>/g)) {
    const own = new Map(
      Array.from(inside!.matchAll(/([\w:]+)\s*=\s*(["'])(.*?)\2/gs), m => [m[1]!, text(m[3]!)] as const),
    )
    const number = (key: string): number => Number(own.get(key) ?? NaN)
    if (tag === 't2_layer') layers.push({ z: number('z'), thickness: number('thickness'), tiles: [] })
    else if (tag === 'ict_transform') curved++
    else {
      const title = own.get('title') || `patch ${own.get('oid') ?? '?'}`
      const file = own.get('file_path')
      if (!file) throw layoutError(name, `${title}: has no file_path`)
      if (file.includes('-----#slice='))
        throw layoutError(name, `${title}: is a slice of a stack: save slices as images`)
      const layer = layers.at(-1)
      if (!layer) throw layoutError(name, `${title}: lies in no layer`)
      const [width, height] = [own.get('o_width') ?? own.get('width'), own.get('o_height') ?? own.get('height')].map(
        Number,
      )
      const matrix = /^matrix\(([^)]*)\)$/
        .exec(own.get('transform') ?? '')?.[1]!
        .split(',')
        .map(Number)
      const place = matrix?.length === 6 ? nominal(matrix as unknown as Affine, width!, height!) : undefined
      if (!place || !width || !height)
        throw layoutError(
          name,
          `${title}: its transform ${own.get('transform')} of ${width} x ${height} pixels is no position of a tile as it was taken (it turns, scales or shears it by more than a tenth)`,
        )
      if (own.get('visible') === 'false') hidden++
      bent = Math.max(bent, place.bent)
      layer.tiles.push({
        name: nameOfFile(title),
        file,
        x: place.x,
        y: place.y,
        width: Math.round(width),
        height: Math.round(height),
      })
    }
  }
  const filled = layers.filter(l => l.tiles.length > 0).sort((a, b) => a.z - b.z)
  if (filled.length === 0) throw layoutError(name, 'has no t2_patch in a t2_layer: nothing that TrakEM2 would show')
  // z counts in pixels; sections are one thickness apart.
  const counted = filled.map(l => l.z / l.thickness)
  const even =
    counted.every(c => Math.abs(c - Math.round(c)) < 0.01) && new Set(counted.map(Math.round)).size === filled.length
  if (!even) notes.push(`layers lie unevenly in z: they are counted 0 to ${filled.length - 1}`)
  if (curved > 0) notes.push(`${curved} non-linear transforms are left out: seams are measured`)
  if (hidden > 0) notes.push(`${hidden} patches are hidden in the project and are taken like the others`)
  if (bent > 1e-3)
    notes.push(
      `matrices bend tiles by up to ${(100 * bent).toFixed(1)} %: their centres are taken, the rest is measured`,
    )
  const tiles = filled.flatMap((l, i) =>
    l.tiles.map((t): ListedTile => ({ section: even ? Math.round(counted[i]!) : i, ...t })),
  )
  return { kind: 'trakem2', tiles, notes }
}
