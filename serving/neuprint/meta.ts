// What neuPrint's :Meta node says of a dataset, and the answers to queries of it.
import type { Release } from '../../domain/release.ts'
import { notUnderstood, type Expression, type Statement } from './cypher.ts'
import { NEURON_PROPERTIES } from './sql.ts'

type Meta = Readonly<Record<string, unknown>>

/** Regions of a brain (ROIs) are not known here. @param layer address of the segmentation */
export const metaOf = ({ dataset, release, voxelSizeNm, digest, bounds }: Release, layer: string): Meta => ({
  dataset,
  tag: release,
  uuid: digest,
  info: `Release ${release} of ${dataset}`,
  voxelSize: voxelSizeNm,
  voxelUnits: 'nanometers',
  bounds: JSON.stringify(bounds),
  primaryRois: [],
  superLevelRois: [],
  roiInfo: '{}',
  roiHierarchy: JSON.stringify({ name: dataset, children: [] }),
  neuroglancerInfo: '{}',
  neuroglancerMeta: JSON.stringify([{ name: dataset, dataType: 'segmentation', source: layer }]),
  statusDefinitions: JSON.stringify({ Traced: 'made by the release' }),
  neuronProperties: JSON.stringify(Object.fromEntries(NEURON_PROPERTIES.map(p => [p, 'str']))),
  ntSynapseProperties: '{}',
  postHighAccuracyThreshold: 0,
  postHPThreshold: 0,
  preHPThreshold: 0,
})

/** Undefined for a query of something else. @throws Problem 400 */
export function answerOfMeta(
  { patterns, items }: Statement,
  meta: Meta,
): { columns: string[]; data: unknown[][] } | undefined {
  const variable = /^\((\w+):Meta\)$/.exec(patterns.join(' '))?.[1]
  if (variable === undefined) return undefined
  const value = (e: Expression): unknown => {
    if (e.kind === 'name' && e.name === variable) return meta
    if (e.kind === 'property' && e.of === variable) return meta[e.path] ?? null
    if (e.kind === 'call' && /^apoc\.convert\.fromJson(Map|List)$/.test(e.name)) {
      const text = value(e.args[0]!)
      return typeof text === 'string' ? JSON.parse(text) : null
    }
    throw notUnderstood('of :Meta its properties can be asked for')
  }
  return { columns: items.map(i => i.name), data: [items.map(i => value(i.expression))] }
}
