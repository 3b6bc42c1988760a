// hillock/worker: run a role in a process of your own, with stages of yours; and what activities are written with.
export { roleProcess, runRole, type OwnStages, type Role } from './role.ts'
export type { StageActivity } from '../activities/index.ts'
export type { Deps } from '../activities/context.ts'
export { configFor } from '../activities/documents.ts'
export {
  emVolume,
  halo,
  own,
  putVolume,
  readStage,
  readVolume,
  refs,
  regionBox,
  seen,
  touching,
} from '../activities/cells.ts'
export { throughModel } from '../activities/blockwise.ts'
export { madeBy } from '../activities/gather.ts'
export { pyramidOf } from '../activities/volumes/pyramid.ts'
export { ofNode, ofRegion, produce, type Made, type Order, type Put } from '../activities/produce.ts'
