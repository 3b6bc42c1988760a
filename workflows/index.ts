// Every workflow that a worker of Hillock serves.
export { evaluation } from './evaluation.ts'
export { publish } from './publish.ts'
export { reconstruct } from './reconstruct.ts'
export { region } from './region.ts'
export { release } from './release.ts'
export { rollback } from './rollback.ts'
export { sections } from './sections.ts'
export { specimen } from './specimen.ts'
