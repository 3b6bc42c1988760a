// Every kernel of the synthetic specimen by the name under which the thread pool runs it.
export { phantomScene } from './scene.ts'
export { phantomSection } from './section.ts'
export { phantomSpecimen } from './specimen.ts'
export { phantomTruth } from './truth.ts'
