// Workflow Run RO-Crate 0.5 (w3id.org/ro/wfrun/workflow): the run as an action of the stage table, every artifact as an action of its stage.
import { stageNames, stages, type StageName } from '../../domain/stages.ts'
import type { Provenance } from './walk.ts'

const PROFILES = [
  'https://w3id.org/ro/wfrun/process/0.5',
  'https://w3id.org/ro/wfrun/workflow/0.5',
  'https://w3id.org/workflowhub/workflow-ro-crate/1.0',
]
const WORKFLOW = 'workflow.json'
const at = (id: string): { '@id': string } => ({ '@id': id })

/** Objects of the bucket keep their addresses there; only the list of stages lies in the crate. */
export function roCrate(p: Provenance): Record<string, string> {
  const { release: r, manifest, steps, raw, url } = p
  const address = (key: string): string => `${url}/${key}`
  const name = `${r.dataset}/${r.release}`
  const used = stageNames.filter(s => steps.some(step => step.record.recipe.stage === s))
  const table = used.map(s => ({
    stage: s,
    version: stages[s].version,
    inputs: stages[s].inputs,
    makes: stages[s].makes,
  }))
  const tool = (s: string, version: number): string => `#stage-${s}-v${version}`
  const tools = new Map(steps.map(({ record: { recipe } }) => [tool(recipe.stage, recipe.version), recipe]))
  const ends = steps.map(s => s.record.end).sort()
  const starts = steps.map(s => s.record.start).sort()
  const objects = [...raw.values()].map(u => ({
    '@id': address(u.key),
    '@type': 'File',
    name: u.name,
    sha256: u.digest,
  }))
  const artifacts = steps.map(({ key, record: l }) => ({
    '@id': address(key),
    '@type': 'Dataset',
    name: `${l.recipe.stage} ${l.recipeId.slice(0, 12)}`,
    identifier: l.content,
    contentSize: String(l.bytes),
  }))
  const known = new Set([...objects, ...artifacts].map(o => o['@id']))
  const parts = new Map(
    steps.flatMap(s => s.used.map(u => [address(u.key), u] as const)).filter(([id]) => !known.has(id)),
  )
  const partFiles = [...parts].map(([id, u]) => ({ '@id': id, '@type': 'File', name: u.key, sha256: u.digest }))
  const actions = steps.map(({ key, record: l, used }) => ({
    '@id': `#recipe-${l.recipeId}`,
    '@type': 'CreateAction',
    name: `${l.recipe.stage} ${l.recipeId.slice(0, 12)}`,
    instrument: at(tool(l.recipe.stage, l.recipe.version)),
    object: [...new Set(used.map(u => address(u.key)))].map(at),
    result: [at(address(key))],
    startTime: l.start,
    endTime: l.end,
    actionStatus: at('http://schema.org/CompletedActionStatus'),
    description: JSON.stringify({ parameters: l.recipe.parameters, extent: l.recipe.extent, seed: l.recipe.seed }),
  }))
  const release = { '@id': address(manifest.key), '@type': 'File', name: `release ${name}`, sha256: manifest.digest }
  const graph = [
    {
      '@id': 'ro-crate-metadata.json',
      '@type': 'CreativeWork',
      about: at('./'),
      conformsTo: [at('https://w3id.org/ro/crate/1.1'), at(PROFILES[2]!)],
    },
    {
      '@id': './',
      '@type': 'Dataset',
      name: `Provenance of ${name}`,
      description: `What made release ${name}, down to the raw tiles.`,
      datePublished: ends.at(-1),
      license: `The licence of dataset ${r.dataset}.`,
      conformsTo: PROFILES.map(at),
      mainEntity: at(WORKFLOW),
      hasPart: [at(WORKFLOW), ...[...objects, ...artifacts, ...partFiles, release].map(o => at(o['@id']))],
      mentions: [at('#run'), ...actions.map(a => at(a['@id']))],
    },
    ...PROFILES.map(id => ({
      '@id': id,
      '@type': 'CreativeWork',
      name: id.split('/').at(-2),
      version: id.split('/').at(-1),
    })),
    {
      '@id': WORKFLOW,
      '@type': ['File', 'SoftwareSourceCode', 'ComputationalWorkflow'],
      name: 'The stages of Hillock',
      programmingLanguage: at('#stage-table'),
      version: r.codeRevision,
      encodingFormat: 'application/json',
    },
    {
      '@id': '#stage-table',
      '@type': 'ComputerLanguage',
      name: 'Stage table',
      alternateName: 'stages',
      url: at('https://w3id.org/ro/wfrun/workflow/0.5'),
      identifier: at('https://w3id.org/ro/wfrun/workflow/0.5'),
    },
    ...[...tools].map(([id, recipe]) => ({
      '@id': id,
      '@type': 'SoftwareApplication',
      name: recipe.stage,
      softwareVersion: String(recipe.version),
      description: stages[recipe.stage as StageName]?.makes,
    })),
    {
      '@id': '#run',
      '@type': 'CreateAction',
      name: r.run.workflowId,
      instrument: at(WORKFLOW),
      object: objects.map(o => at(o['@id'])),
      result: [at(release['@id'])],
      startTime: starts[0],
      endTime: ends.at(-1),
      agent: at('#approver'),
    },
    { '@id': '#approver', '@type': 'Person', name: r.approver },
    release,
    ...objects,
    ...artifacts,
    ...partFiles,
    ...actions,
  ]
  const crate = {
    '@context': ['https://w3id.org/ro/crate/1.1/context', { sha256: 'https://w3id.org/ro/terms/workflow-run#sha256' }],
    '@graph': graph,
  }
  return { 'ro-crate-metadata.json': JSON.stringify(crate, null, 1), [WORKFLOW]: JSON.stringify(table, null, 1) }
}
