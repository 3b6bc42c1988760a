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
export const tilesInBox: any = () => []
export const synapseMapHalo = 16
export const synapseHalo = 16
export const tileQuality: any = () => ({ mean: 1, std: 10, saturated: 0, focus: 1, blank: false })
export const stitchSection: any = () => { throw new Error('stub') }
