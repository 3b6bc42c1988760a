// `hillock import URL`: a run file for a volume that is aligned already, with what the volume says of itself.
import { VolumeFormat } from '../../domain/run-file/source.ts'
import { configError, isHillockError } from '../../domain/errors.ts'
import { boxAt, boxName, contains, intersect, map3, shapeOf, type Box } from '../../domain/geometry.ts'
import type { VolumeArray } from '../../storage/formats/chunk.ts'
import { addressOf } from '../../storage/foreign/address.ts'
import { lacksOf } from '../../storage/foreign/holes.ts'
import type { ForeignVolume, VolumeHole } from '../../storage/foreign/types.ts'
import { openVolume } from '../../storage/foreign/volume.ts'
import { greyValues } from '../import/grey.ts'
import { imagesAt, importImages } from '../import/images.ts'
import { fileFor, fitting, writeRunFile, type ImportOptions } from '../import/write.ts'
import { boxOf, vectorOf } from '../numbers.ts'

/** Of the cube that is looked at. */
const EDGE = 64

interface Options extends ImportOptions {
  readonly format?: string
  readonly mip?: string
  readonly box?: string
  readonly keepQuery?: boolean
}

export async function importVolume(address: string, o: Options): Promise<void> {
  const images = await imagesAt(address)
  if (images) {
    const odd = (['format', 'mip', 'box'] as const).find(k => o[k] !== undefined)
    if (odd) throw configError(`--${odd} is for volumes, and ${address} holds images`)
    return importImages(images, o)
  }
  const { url, format: named } = addressOf(address)
  const query = /\?.*/.exec(url)?.[0]
  if (query && !o.keepQuery)
    throw configError(
      `the address has a query (${query.slice(0, 3)}...), perhaps with a token in it; it would stand in the run file and in every record of the run: give --keep-query where that is meant`,
    )
  const format = VolumeFormat.optional().safeParse(o.format)
  if (!format.success) throw configError(`--format ${o.format}: one of ${VolumeFormat.options.join(', ')}`)
  const volume = await openVolume(url, format.data ?? named)
  const mip = Number(o.mip ?? 0)
  const taken = volume.mips[mip]
  if (!taken) throw configError(`--mip ${o.mip}: the mips of ${url} go from 0 to ${volume.mips.length - 1}`)
  const box = o.box === undefined ? taken.bounds : boxOf(o.box)
  if (!contains(taken.bounds, box))
    throw configError(
      `--box ${o.box}: mip ${mip} of ${url} reaches from ${taken.bounds.min.join()} to ${taken.bounds.max.join()}`,
    )
  const voxelSizeNm = o.voxelSize === undefined ? taken.voxelSizeNm : vectorOf('--voxel-size', o.voxelSize)
  if (!voxelSizeNm)
    throw configError(
      `${url} does not say in a unit of length how large its voxels are: give --voxel-size x,y,z in nanometres`,
    )
  if (taken.unread) throw configError(`mip ${mip} of ${url}: ${taken.unread}`)
  if (!['uint8', 'uint16'].includes(taken.dataType) || volume.channels !== 1)
    throw configError(
      `mip ${mip} of ${url} holds ${volume.channels === 1 ? '' : `${volume.channels} channels of `}${taken.dataType}; a source of EM is one channel of uint8 or uint16`,
    )
  const file = fileFor(o)
  const middle = await middleOf(volume, mip, box)
  const window = taken.dataType === 'uint8' ? null : windowOf(volume, middle)
  const block = fitting(shapeOf(box), [128, 128, 64])
  const blocks = map3(a => Math.ceil(shapeOf(box)[a] / block[a]))
  // Up to 256 x 256 x 128: what goes through a model at once. Of what is no larger several, since a pyramid is made by joining regions.
  const region = blocks.some(n => n > 2)
    ? map3(a => block[a] * Math.min(2, blocks[a]))
    : fitting(shapeOf(box), [128, 128, 128])
  const tree = {
    dataset: o.dataset,
    voxelSizeNm: [...voxelSizeNm],
    source: {
      volume: {
        url: volume.url,
        ...(format.data && { format: format.data }),
        mip,
        box: { min: [...box.min], max: [...box.max] },
      },
    },
    grid: { block: [...block], region: [...region] },
    // The volume is taken as it is.
    stages: { ...(window && { ingest: { window } }), align: { method: 'none' }, render: { normalise: 'none' } },
  }
  const found = [
    `${shapeOf(box).join(' x ')} voxels of ${volume.format}, ${taken.dataType}, chunks of ${taken.chunk.join(' x ')}`,
    ...(window
      ? [`${window[0]} becomes black and ${window[1]} white: 99 % of some voxels from the middle lie between`]
      : []),
    ...middle.notes,
    ...volume.mips.map(
      (m, i) =>
        `mip ${i} (${m.name}): ${boxName(m.bounds)}${m.voxelSizeNm ? `, ${m.voxelSizeNm.join(' x ')} nm` : ''}${i === mip ? '  <- taken' : ''}`,
    ),
  ]
  writeRunFile(o, [url, file], tree, found, { format: volume.format, mips: volume.mips, box, voxelSizeNm, window })
}

interface Middle {
  readonly data: VolumeArray
  /** What there is to say of its chunks. */
  readonly notes: readonly string[]
}

/** The voxels in the middle of a box: what is not given or damaged there is said at once, and met again by the run. */
async function middleOf(volume: ForeignVolume, mip: number, box: Box): Promise<Middle> {
  const min = map3(a => Math.max(box.min[a], Math.floor((box.min[a] + box.max[a] - EDGE) / 2)))
  const holes: VolumeHole[] = []
  try {
    const data = await volume.read(mip, intersect(boxAt(min, [EDGE, EDGE, EDGE]), box), holes)
    return { data, notes: lacksOf(holes).map(h => `in its middle, ${boxName(h.box)}, a chunk is ${h.reason}`) }
  } catch (e) {
    if (!isHillockError(e)) throw e
    return { data: new Uint8Array(), notes: [`its middle CANNOT BE READ: ${e.message}`] }
  }
}

/** What becomes black and white of deep voxels, by those in the middle that are not empty. */
function windowOf({ url }: ForeignVolume, { data, notes }: Middle): [number, number] {
  const { low, high } = greyValues([(data as Uint16Array).filter(v => v !== 0)])
  if (low < high) return [low, high]
  const why = notes.join('; ') || `its values go from ${low} to ${high}`
  throw configError(`${url} shows nothing in its middle (${why}): name another --box`)
}
