// Every kernel by the name under which the thread pool runs it.
export { agglomerate } from './agglomerate.ts'
export { compactIds, countIds, mapIds } from './compact-ids.ts'
export { joinChildren } from './join.ts'
export { meshRegion } from './mesh.ts'
export { contingency, mergeContingency, scores } from './metrics.ts'
export { phantomScene } from './phantom/scene.ts'
export { phantomSection } from './phantom/section.ts'
export { phantomSpecimen } from './phantom/specimen.ts'
export { phantomTruth } from './phantom/truth.ts'
export { regionGraph } from './rag.ts'
export { globalIds, mergeTableSlice, relabelVolume } from './relabel.ts'
export { joinSkeletons } from './skeleton-join.ts'
export { skeletonAt, skeletonRegion } from './skeleton.ts'
export { connectivity } from './graph.ts'
export { downsampleMean, downsampleMode } from './downsample.ts'
export { synapseMap, synapseMapHalo } from './synapse-map.ts'
export { scoreSynapses } from './synapse-score.ts'
export { synapseHalo, synapses } from './synapse.ts'
export { watershed } from './watershed.ts'
export const tilesInBox: any = () => ['slice']
export const tileQuality: any = () => ({ mean: 1, std: 10, saturated: 0, focus: 1, blank: false })
export const stitchSection: any = (tiles: any) => ({ transforms: [], matches: [], unmatched: [], residualPx: {median:0,max:0}, bounds: { min: [0, 0], max: [tiles[0].width, tiles[0].height] } })
export const renderSection: any = (tiles: any) => ({ data: tiles[0].data, width: tiles[0].width, height: tiles[0].height, x0: 0, y0: 0, scale: 1 })
export const matchSections: any = () => null
export const solveAlignment: any = () => null
export const identityAlignment: any = (zs: number[]) => ({ sections: zs.map(z => ({ z, source: z, field: { spacing: 1, nx: 1, ny: 1, x0: 0, y0: 0, dx: new Float32Array(1), dy: new Float32Array(1) } })), residualPx: { median: 0, max: 0 } })
export const renderSlab: any = (sections: any[], box: any) => {
  const [sx, sy] = [box.max[0] - box.min[0], box.max[1] - box.min[1]]
  const out = new Uint8Array(sx * sy * (box.max[2] - box.min[2]))
  for (const s of sections) if (s.z >= box.min[2] && s.z < box.max[2])
    for (let y = 0; y < sy; y++) out.set(s.tiles[0].data.subarray((y + box.min[1]) * s.tiles[0].width + box.min[0], (y + box.min[1]) * s.tiles[0].width + box.max[0]), sx * (y + sy * (s.z - box.min[2])))
  return out
}
