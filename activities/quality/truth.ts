// Ground truth: labels of a file or of a phantom, where they lie in the dataset, and which box of them is scored.
import { zstdDecompressSync } from 'node:zlib'
import { canonicalJson } from '../../domain/canonical.ts'
import type { RunConfig } from '../../domain/config.ts'
import type { Refs } from '../../domain/contract/artifacts.ts'
import { configError, HillockError, isHillockError } from '../../domain/errors.ts'
import { boxAt, boxName, contains, shapeOf, voxels, type Box, type Vec3 } from '../../domain/geometry.ts'
import { sha256, type Digest } from '../../domain/recipe.ts'
import { formatOf, samplesOf } from '../../storage/formats/image.ts'
import { readNpy, writeNpy, type Npy } from '../../storage/formats/npy.ts'
import { sectionNodes, stackFault } from '../../storage/formats/tiff-stack.ts'
import { tiffPages } from '../../storage/formats/tiff.ts'
import { inputs, type Inputs } from '../../storage/foreign/inputs.ts'
import { readImages } from '../../storage/layouts/read.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { copyOverlap } from '../../storage/formats/volume.ts'
import type { Deps } from '../context.ts'
import type { TrueSynapse } from './synapse-truth.ts'

/** Ids of objects; 0 is ignored. */
export type Labels = Uint32Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>

export interface Truth {
  readonly digest: Digest
  /** What has that digest: the file, or the list of a phantom's slabs. */
  readonly source: Uint8Array
  /** Labels of a box, x fastest. */
  readonly labels: (box: Box) => Labels
  /** In voxels of the dataset. */
  readonly bounds: Box
  readonly synapses: readonly TrueSynapse[] | null
}

/** The boxes of a volume. */
const within = (data: Labels, bounds: Box) => (box: Box) => {
  const out = data instanceof Uint32Array ? new Uint32Array(voxels(box)) : new BigUint64Array(voxels(box))
  copyOverlap(data, bounds, out, box, 1)
  return out
}

const refused = (why: string): HillockError => configError(`evaluate.truth: ${why}`)

/**
 * Labels of a .npy or .npy.gz, axes z, y, x, of any integer type, or of sections: a TIFF of several pages, or images of a folder or pattern.
 * Negative ones are ignored as 0 is.
 * @param file a path, a URL or content
 * @param offset voxel of the dataset at which the first of them lies
 * @param ignore labels that stand for no object either
 * @throws HillockError ConfigError when it holds anything else
 */
export async function truthFile(
  file: string,
  offset: Vec3 = [0, 0, 0],
  objects?: ObjectStore,
  ignore: readonly number[] = [],
): Promise<Truth> {
  const bytes = await npyOf(inputs(objects), file).catch((e: unknown) => {
    throw isHillockError(e, 'BadTileError')
      ? refused(e.message)
      : isHillockError(e)
        ? new HillockError(e.type, `evaluate.truth: ${e.message}`)
        : e
  })
  const npy = parsed(bytes, file)
  if (npy.shape.length !== 3) throw refused(`${file} has ${npy.shape.length} axes; labels have axes z, y, x`)
  const labels = labelsOf(npy)
  if (!labels) throw refused(`${file} holds ${npy.dtype}; labels are integers`)
  const none: Labels = labels instanceof Uint32Array ? Uint32Array.from(ignore) : BigUint64Array.from(ignore, BigInt)
  if (none.length > 0)
    for (let i = 0; i < labels.length; i++)
      if ((none as Uint32Array).includes(labels[i] as number)) labels[i] = 0 as never
  const bounds = boxAt(offset, [npy.shape[2]!, npy.shape[1]!, npy.shape[0]!])
  return { digest: sha256(bytes), source: bytes, bounds, synapses: null, labels: within(labels, bounds) }
}

/** The file itself, or what it would be of sections. */
async function npyOf(files: Inputs, where: string): Promise<Uint8Array> {
  const sections: { width: number; height: number; bytes(): Promise<Uint8Array> }[] = []
  if (await files.list(where)) {
    for (const t of (await readImages(where, files)).tiles)
      sections.push({ ...t, bytes: () => files.read(t.file, 'ConfigError') })
  } else {
    const bytes = await files.read(where, 'ConfigError')
    if (formatOf(bytes) !== 'tiff') return bytes
    const pages = sectionNodes(await tiffPages(async (at, n) => bytes.subarray(at, at + n)))
    const fault = stackFault(pages)
    if (fault) throw refused(`${where} ${fault}`)
    sections.push(...pages)
  }
  const { width, height } = sections[0]!
  const data = new Float64Array(sections.length * width * height)
  for (const [z, section] of sections.entries())
    data.set(await samplesOf(await section.bytes(), where), z * width * height)
  return writeNpy(data.every(Number.isInteger) ? Int32Array.from(data) : data, [sections.length, height, width])
}

function parsed(bytes: Uint8Array, file: string): Npy {
  try {
    return readNpy(bytes, file)
  } catch (e) {
    throw isHillockError(e, 'BadTileError') ? refused(e.message) : e
  }
}

function labelsOf({ data }: Npy): Labels | null {
  if (data instanceof BigUint64Array) return data as BigUint64Array<ArrayBuffer>
  if (data instanceof BigInt64Array) return BigUint64Array.from(data, v => (v < 0n ? 0n : v))
  if (data instanceof Float32Array || data instanceof Float64Array) return null
  if (!(data instanceof Int8Array || data instanceof Int16Array || data instanceof Int32Array))
    return new Uint32Array(data)
  // Not `from`, which takes a second for each ten million.
  const out = new Uint32Array(data.length)
  for (let i = 0; i < out.length; i++) out[i] = Math.max(0, data[i]!)
  return out
}

export async function truthOfPhantom(deps: Deps, slabs: Refs, bounds: Box): Promise<Truth> {
  const data = new Uint32Array(voxels(bounds))
  const [sx, sy] = shapeOf(bounds)
  let synapses: readonly TrueSynapse[] = []
  for (const [first, ref] of Object.entries(slabs)) {
    const bytes = zstdDecompressSync(await deps.artifacts.get(ref, 'labels.u32.zst'))
    data.set(new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4), Number(first) * sx * sy)
    const truth = JSON.parse(Buffer.from(await deps.artifacts.get(ref, 'truth.json')).toString()) as {
      synapses: readonly TrueSynapse[]
    }
    synapses = truth.synapses
  }
  const digests = Object.entries(slabs).map(([first, { content }]): [string, Digest] => [`phantom/${first}`, content])
  const source = Buffer.from(canonicalJson(Object.fromEntries(digests)))
  return { digest: sha256(source), source, bounds, synapses, labels: within(data, bounds) }
}

/**
 * The box that is scored: the one that is asked for; else, at an offset, all of the truth; else the dataset, which a truth has the shape of.
 * @throws HillockError ConfigError when truth or dataset do not reach that far, or there is no label
 */
export function scoredBox(
  { bounds: truth, labels }: Pick<Truth, 'bounds' | 'labels'>,
  dataset: Box,
  { box, offset }: Pick<RunConfig['evaluate'], 'box' | 'offset'>,
): Box {
  const wanted = box ?? (offset ? truth : dataset)
  const shape = (b: Box): string => shapeOf(b).join(' x ')
  if (!contains(dataset, wanted))
    throw refused(`${boxName(wanted)} is to be scored, but the dataset covers ${boxName(dataset)} only`)
  if (!contains(truth, wanted) || (!box && !offset && shape(truth) !== shape(dataset)))
    throw refused(
      `the truth has ${shape(truth)} voxels (x, y, z) and covers ${boxName(truth)}, but ${boxName(wanted)} is to be scored: give the voxel at which it begins as evaluate.offset, or what to score as evaluate.box`,
    )
  // Scores against nothing would be perfect.
  if ((labels(wanted) as Uint32Array).findIndex(Boolean) < 0)
    throw refused(`it names no object in ${boxName(wanted)}: labels that are 0 or negative are ignored`)
  return wanted
}
