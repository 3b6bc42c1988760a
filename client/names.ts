// Names that people give: any text, made safe for ids and keys; and the names of what nobody named.
import { randomBytes } from 'node:crypto'
import { configError } from '../domain/errors.ts'
import { sha256 } from '../domain/recipe.ts'

const SAFE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/
const LONGEST = 200

/** As it is where it can stand in ids and keys; else what is left of it with a digest of the whole. @throws HillockError ConfigError */
export function slugOf(option: string, name: string): string {
  if (SAFE.test(name)) return name
  if (name.trim() === '' || name.length > LONGEST)
    throw configError(`${option} "${name.slice(0, 60)}": a name has 1 to ${LONGEST} letters`)
  return safe(name)
}

function safe(name: string): string {
  const left = name.normalize('NFKD').replaceAll(/[^A-Za-z0-9_-]+/g, '-')
  return `${left.replaceAll(/^[-_]+|[-_]+$/g, '').slice(0, 40) || 'run'}-${sha256(name).slice(0, 8)}`
}

/** Whether a workflow is meant by its id, or by the name of its run as it was given or as it stands in the id. */
export const isCalled = (workflowId: string, name: string): boolean =>
  workflowId === name || workflowId.endsWith(`/${name}`) || (!SAFE.test(name) && workflowId.endsWith(`/${safe(name)}`))

/** `20261123-014500`, in UTC. */
export const runName = (at: Date): string => at.toISOString().replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15)

/** The same with four digits more: for what nobody looks up, and may be started twice in a second. */
export const onceName = (at: Date): string => `${runName(at)}-${randomBytes(2).toString('hex')}`
