// W3C PROV-JSON (www.w3.org/submissions/prov-json): artifacts and raw objects are entities, attempts are activities, code and people agents.
import type { Provenance } from './walk.ts'

/** Qualified names: `o:` is the bucket, `h:` is everything else. */
const object = (key: string): string => `o:${key}`

export function provJson(p: Provenance): Record<string, string> {
  const { release: r, manifest, steps, raw, url } = p
  const entity: Record<string, object> = {}
  const activity: Record<string, object> = {}
  const agent: Record<string, object> = {}
  const used: Record<string, object> = {}
  const wasGeneratedBy: Record<string, object> = {}
  const wasAssociatedWith: Record<string, object> = {}
  const hadMember: Record<string, object> = {}
  let n = 0
  const id = (): string => `_:r${n++}`
  const code = (revision: string): string => {
    const name = `h:code/${revision}`
    agent[name] = { 'prov:type': { $: 'prov:SoftwareAgent', type: 'prov:QUALIFIED_NAME' }, 'h:revision': revision }
    return name
  }
  for (const { key, digest, name } of raw.values()) entity[object(key)] = { 'h:name': name, 'h:sha256': digest }
  for (const { key, record: l, used: inputs } of steps) {
    const made = object(key)
    const run = `h:recipe/${l.recipeId}`
    entity[made] = {
      'prov:type': { $: 'prov:Collection', type: 'prov:QUALIFIED_NAME' },
      'h:content': l.content,
      'h:bytes': l.bytes,
      'h:outputs': l.outputs.length,
    }
    activity[run] = {
      'prov:startTime': l.start,
      'prov:endTime': l.end,
      'h:stage': l.recipe.stage,
      'h:version': l.recipe.version,
      'h:parameters': JSON.stringify(l.recipe.parameters),
      'h:extent': JSON.stringify(l.recipe.extent),
      'h:seed': l.recipe.seed,
      'h:workflow': `${l.workflowId}/${l.runId}/${l.attempt}`,
      'h:runtime': JSON.stringify(l.runtime),
    }
    wasGeneratedBy[id()] = { 'prov:entity': made, 'prov:activity': run, 'prov:time': l.end }
    wasAssociatedWith[id()] = { 'prov:activity': run, 'prov:agent': code(l.codeRevision) }
    for (const u of inputs) {
      // A part of an artifact is an entity of its own.
      if (!entity[object(u.key)] && !u.key.endsWith('/')) entity[object(u.key)] = { 'h:sha256': u.digest }
      used[id()] = { 'prov:activity': run, 'prov:entity': object(u.key), 'prov:role': u.name }
    }
    hadMember[id()] = { 'prov:collection': object(manifest.key), 'prov:entity': made }
  }
  entity[object(manifest.key)] = {
    'prov:type': { $: 'prov:Collection', type: 'prov:QUALIFIED_NAME' },
    'h:dataset': r.dataset,
    'h:release': r.release,
    'h:digest': r.digest,
    'h:sha256': manifest.digest,
  }
  const assembled = `h:run/${r.run.workflowId}/${r.run.runId}`
  activity[assembled] = { 'h:workflow': r.run.workflowId }
  wasGeneratedBy[id()] = { 'prov:entity': object(manifest.key), 'prov:activity': assembled }
  wasAssociatedWith[id()] = { 'prov:activity': assembled, 'prov:agent': code(r.codeRevision) }
  const approver = `h:approver/${encodeURIComponent(r.approver)}`
  agent[approver] = { 'h:name': r.approver }
  const wasAttributedTo = { [id()]: { 'prov:entity': object(manifest.key), 'prov:agent': approver } }
  const prefix = { o: `${url}/`, h: 'urn:hillock:' }
  const document = {
    prefix,
    entity,
    activity,
    agent,
    used,
    wasGeneratedBy,
    wasAssociatedWith,
    wasAttributedTo,
    hadMember,
  }
  return { 'provenance.prov.json': JSON.stringify(document, null, 1) }
}
