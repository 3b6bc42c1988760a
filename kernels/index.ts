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
export { watershed } from './watershed.ts'
export const tilesInBox: any = () => ['slice']
export const synapseMapHalo = 16
export const synapseHalo = 16
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
const ds = (data: any, shape: any, f: any) => {
  const o = shape.map((v: number, a: number) => Math.ceil(v / f[a]))
  const out = new data.constructor(o[0] * o[1] * o[2])
  for (let z = 0, i = 0; z < o[2]; z++) for (let y = 0; y < o[1]; y++) for (let x = 0; x < o[0]; x++, i++) out[i] = data[x * f[0] + shape[0] * (y * f[1] + shape[1] * z * f[2])]
  return { data: out, shape: o }
}
export const downsampleMean: any = ds
export const downsampleMode: any = ds
export const synapseMap: any = (r: any) => { const n = [0, 1, 2].reduce((p, a) => p * (r.core.max[a] - r.core.min[a]), 1); return { cleft: new Uint8Array(n), vesicles: new Uint8Array(n) } }
export const synapses: any = () => ({ table: { pre: new BigUint64Array(0), post: new BigUint64Array(0), x: new Float64Array(0), y: new Float64Array(0), z: new Float64Array(0), preX: new Float64Array(0), preY: new Float64Array(0), preZ: new Float64Array(0), postX: new Float64Array(0), postY: new Float64Array(0), postZ: new Float64Array(0), size: new Uint32Array(0), score: new Float32Array(0) } })
export const connectivity: any = (_: any, s: any) => ({ edges: { pre: new BigUint64Array(0), post: new BigUint64Array(0) }, segments: s })
