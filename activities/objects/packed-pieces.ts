// Pieces of segments in the packs of regions: where each lies, and the reading of some of them, every one held against its digest.
import { HillockError } from '../../domain/errors.ts'
import { fromKey } from '../../domain/geometry.ts'
import { sha256 } from '../../domain/recipe.ts'
import type { HashedRows } from '../../kernels/hashed-rows.ts'
import type { ArtifactStore } from '../../storage/artifacts.ts'
import { mapBounded } from '../../storage/bounded.ts'
import { packIndex } from '../../storage/formats/pack.ts'
import { artifactKey } from '../../storage/lineage-record.ts'
import { progress } from '../meter.ts'
import { placesOf, type RegionRows } from './hashed-rows.ts'

/** Stages of regions that pack the pieces of segments. */
export type PackStage = 'mesh' | 'skeleton'

export interface PieceRows extends HashedRows {
  /** x, y and z of the region. */
  readonly cell: Uint32Array
  /** Of the artifact that holds it, 32 bytes. */
  readonly recipe: Uint8Array
  readonly offset: Float64Array
  readonly length: Uint32Array
  /** Of the piece, 32 bytes. */
  readonly digest: Uint8Array
}

/** The pieces of a region. Its pack is read, and verified, as a whole. */
export const piecesOf =
  (stage: PackStage): RegionRows<PieceRows> =>
  async ({ artifacts }, { [stage]: ref }, region) => {
    const reader = await artifacts.open(ref!)
    const pieces = packIndex(await reader.get('pack.index'))
    const data = await reader.get('pack.data')
    const id = BigUint64Array.from(pieces, p => BigInt(p.key))
    const cell = new Uint32Array(3 * id.length)
    const recipe = new Uint8Array(32 * id.length)
    const digest = new Uint8Array(32 * id.length)
    for (const [i, { offset, length }] of pieces.entries()) {
      cell.set(fromKey(region), 3 * i)
      recipe.set(Buffer.from(ref!.recipe, 'hex'), 32 * i)
      digest.set(Buffer.from(sha256(data.subarray(offset, offset + length)), 'hex'), 32 * i)
    }
    const offset = Float64Array.from(pieces, p => p.offset)
    const length = Uint32Array.from(pieces, p => p.length)
    return { rows: { id, at: placesOf(id), cell, recipe, offset, length, digest }, bytes: data.length }
  }

/** Packs that are read at once. */
const WIDTH = 8
/** Bytes between two pieces that are read along rather than asked for apart. */
const GAP = 2 ** 16

const hex = (digests: Uint8Array, row: number): string =>
  Buffer.from(digests.subarray(32 * row, 32 * row + 32)).toString('hex')

/**
 * Some pieces, by row. A pack that is read here need not be opened: what it holds is named by digest.
 * @throws HillockError MissingArtifact for a piece that is gone or damaged
 */
export async function readPieces(
  { objects }: Pick<ArtifactStore, 'objects'>,
  stage: PackStage,
  pieces: PieceRows,
  rows: readonly number[],
): Promise<Map<number, Uint8Array>> {
  const out = new Map<number, Uint8Array>()
  const ofPack = async ([recipe, wanted]: [string, number[]]): Promise<void> => {
    const at = (row: number | undefined): number => pieces.offset[row!]!
    const end = (row: number): number => at(row) + pieces.length[row]!
    wanted.sort((a, b) => at(a) - at(b))
    for (let i = 0, j = 0; i < wanted.length; i = j) {
      const from = at(wanted[i])
      for (j = i + 1; j < wanted.length && at(wanted[j]) - end(wanted[j - 1]!) <= GAP;) j++
      const run = await objects.getRange(artifactKey(stage, recipe, 'pack.data'), from, end(wanted[j - 1]!) - from)
      for (const row of wanted.slice(i, j)) {
        const piece = run?.slice(at(row) - from, end(row) - from)
        if (!piece || sha256(piece) !== hex(pieces.digest, row))
          throw new HillockError(
            'MissingArtifact',
            `pack.data of artifact ${stage}/${recipe}: ${piece ? `is damaged: the piece of segment ${pieces.id[row]} at byte ${at(row)} has another digest than when it was listed` : 'the object is gone'}`,
            { stage, recipe, path: 'pack.data' },
          )
        out.set(row, piece)
      }
      progress(out.size, rows.length)
    }
  }
  await mapBounded([...Map.groupBy(rows, row => hex(pieces.recipe, row))], WIDTH, ofPack)
  return out
}
