// A layout of tiles in any of the forms that microscopes, stitchers and aligners write, told apart by what is in it.
import { z } from 'zod'
import { TileEntry } from '../../domain/run-file/source.ts'
import { isTileSpec, parseRender } from './render.ts'
import { parseTable } from './table.ts'
import { parseTrakem2 } from './trakem2.ts'
import { layoutError, type ParsedLayout } from './types.ts'

const Listed = z.array(TileEntry.partial({ width: true, height: true })).min(1)

/**
 * @param text the whole file
 * @param name of the file, for what is said
 * @throws HillockError ConfigError that names the file and the line, tile or key
 */
export function parseLayout(text: string, name: string): ParsedLayout {
  const plain = text.replace(/^\uFEFF/, '').trimStart()
  if (plain === '') throw layoutError(name, 'is empty')
  if (plain.includes('\0')) throw layoutError(name, 'is no text')
  if (plain.startsWith('<')) {
    if (!/<(trakem2|t2_layer)/.test(plain))
      throw layoutError(name, 'is XML, but not of TrakEM2; read are TrakEM2 XML, tile specs of Render, tables and JSON')
    return parseTrakem2(plain, name)
  }
  if (plain.startsWith('[') || plain.startsWith('{')) return parseJson(plain, name)
  return parseTable(plain, name)
}

function parseJson(text: string, name: string): ParsedLayout {
  const value = jsonOf(text, name)
  const collection = value as { tileIdToSpecMap?: object; transformIdToSpecMap?: object; tileSpecs?: unknown[] }
  const specs: unknown[] = Array.isArray(value)
    ? value
    : Object.values(collection.tileIdToSpecMap ?? {}).concat(collection.tileSpecs ?? [])
  if (specs.length === 0 && isTileSpec(value)) specs.push(value)
  if (isTileSpec(specs[0])) return parseRender(specs, name, Object.values(collection.transformIdToSpecMap ?? {}))
  if (!Array.isArray(value)) throw layoutError(name, 'is JSON, but neither a list of tiles nor tile specs of Render')
  const parsed = Listed.safeParse(value)
  if (parsed.success) return { kind: 'json', tiles: parsed.data, notes: [] }
  const issue = parsed.error.issues[0]!
  throw layoutError(name, `${issue.path.join('.') || 'the whole'}: ${issue.message}`)
}

/** JSON, or one document a line. */
function jsonOf(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch (whole) {
    const lines = text.split('\n').filter(l => l.trim() !== '')
    try {
      if (lines.length > 1) return lines.map(l => JSON.parse(l) as unknown)
    } catch {}
    throw layoutError(name, `is not JSON: ${(whole as Error).message}`)
  }
}
