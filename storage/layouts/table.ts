// Layouts as tables: CSV, TSV or blanks between columns, with or without a header; and TileConfiguration.txt of Fiji's stitching.
import { layoutError, nameOfFile, sectionNumbers, type ListedTile, type ParsedLayout } from './types.ts'

/** Headers of each column, without case, blanks, units of pixels and signs. */
const HEADERS = {
  file: ['file', 'filename', 'filepath', 'path', 'image', 'imagefile', 'imagename', 'imagepath', 'url', 'tilefile'],
  section: ['section', 'sectionid', 'sectionnumber', 'z', 'zindex', 'slice', 'layer', 'sec'],
  name: ['name', 'tile', 'tileid', 'tilename', 'id'],
  x: ['x', 'nominalx', 'stagex', 'posx', 'xpos', 'positionx', 'xposition', 'left', 'minx', 'xoffset', 'offsetx'],
  y: ['y', 'nominaly', 'stagey', 'posy', 'ypos', 'positiony', 'yposition', 'top', 'miny', 'yoffset', 'offsety'],
  width: ['width', 'w', 'tilewidth', 'imagewidth', 'sizex'],
  height: ['height', 'h', 'tileheight', 'imageheight', 'sizey'],
} as const
type Column = keyof typeof HEADERS
/** Without a header: what TrakEM2 imports. */
const HEADERLESS: readonly Column[] = ['file', 'x', 'y', 'section', 'width', 'height']

/** Characters of a line. */
const LONGEST = 4096

interface Row {
  readonly line: number
  readonly cells: readonly string[]
}

export function parseTable(text: string, name: string): ParsedLayout {
  const lines = text
    .split(/\r\n|\n|\r/)
    .map((l, i): [number, string] => [i + 1, l])
    .filter(([, l]) => l.trim() !== '' && !l.trimStart().startsWith('#'))
  if (lines.length === 0) throw layoutError(name, 'lists no tile')
  const long = lines.find(([, l]) => l.length > LONGEST)
  if (long) throw layoutError(name, `line ${long[0]} has ${long[1].length} characters: this is no table of tiles`)
  if (lines.some(([, l]) => FIJI.test(l))) return parseFiji(lines, name)
  const first = lines[0]![1]
  const sign = first.includes('\t') ? '\t' : count(first, ';') >= 2 ? ';' : count(first, ',') >= 2 ? ',' : null
  const rows = lines.map(([line, l]): Row => ({ line, cells: sign ? split(l, sign) : blanks(l) }))
  const notes: string[] = []
  const head = sign === null ? first.trim().split(/\s+/) : rows[0]!.cells
  const columns = columnsOf(head, name)
  const body = columns ? rows.slice(1) : rows
  const at = columns ?? Object.fromEntries(HEADERLESS.slice(0, rows[0]!.cells.length).map((c, i) => [c, i]))
  if (!columns) notes.push(`no header: columns are read as ${Object.keys(at).join(', ')} (as TrakEM2 imports them)`)
  for (const column of ['file', 'x', 'y'] as const)
    if (at[column] === undefined)
      throw layoutError(
        name,
        `no column for ${column === 'file' ? 'the file' : column}: its header would be one of ${HEADERS[column].join(', ')}; there are ${head.join(', ')}`,
      )
  if (body.length === 0) throw layoutError(name, 'lists no tile')
  const cell = (r: Row, c: Column): string | undefined => (at[c] === undefined ? undefined : r.cells[at[c]]?.trim())
  const number = (r: Row, c: Column): number => {
    const text = cell(r, c) ?? ''
    const value = Number(sign === ';' ? text.replace(',', '.') : text)
    if (text === '' || !Number.isFinite(value))
      throw layoutError(name, `line ${r.line}: ${c} is ${text === '' ? 'left out' : `"${text}"`}, not a number`)
    return value
  }
  const size = (r: Row, c: 'width' | 'height'): number | undefined => (cell(r, c) ? number(r, c) : undefined)
  if (at['section'] === undefined) notes.push('no column of sections: all tiles are of section 0')
  const labels = body.map(r => (at['section'] === undefined ? '0' : cell(r, 'section')) ?? '')
  const missing = labels.indexOf('')
  if (missing >= 0) throw layoutError(name, `line ${body[missing]!.line}: the section is left out`)
  const sections = sectionNumbers(labels)
  const tiles = body.map((r, i): ListedTile => {
    const file = cell(r, 'file')
    if (!file) throw layoutError(name, `line ${r.line}: the file is left out`)
    return {
      section: sections.of(labels[i]!),
      name: cell(r, 'name') || nameOfFile(file),
      file,
      x: number(r, 'x'),
      y: number(r, 'y'),
      width: size(r, 'width'),
      height: size(r, 'height'),
    }
  })
  return { kind: 'table', tiles, notes: [...notes, ...sections.notes] }
}

const count = (s: string, sign: string): number => s.split(sign).length - 1

function split(line: string, sign: string): string[] {
  const cells: string[] = []
  for (const m of line.matchAll(
    new RegExp(`(?:^|${sign})(?:\\s*"((?:[^"]|"")*)"\\s*(?=${sign}|$)|([^${sign}]*))`, 'g'),
  ))
    cells.push(m[1] !== undefined ? m[1].replaceAll('""', '"') : (m[2] ?? ''))
  return cells
}

/** A file, whose name may hold blanks, then numbers. */
function blanks(line: string): string[] {
  const [, file, numbers] = /^\s*(.*?)((?:\s+[-+]?[\d.]+(?:[eE][-+]?\d+)?)*)\s*$/.exec(line)!
  return [file!.replace(/^"(.*)"$/, '$1'), ...numbers!.trim().split(/\s+/)]
}

/** Which column is which; undefined where the first line is no header. @throws HillockError ConfigError for positions in another unit */
function columnsOf(head: readonly string[], name: string): Partial<Record<Column, number>> | undefined {
  const found: Partial<Record<Column, number>> = {}
  let depth: string | undefined
  for (const [i, cell] of head.entries()) {
    const plain = cell.toLowerCase().replaceAll(/[^a-z0-9µμ]/g, '')
    const known = plain.replace(/(px|pixels?)$/, '')
    const unit = /^(.*?)(nm|um|µm|μm|mm|microns?|nanomet(?:er|re)s?)$/.exec(plain)
    for (const column of Object.keys(HEADERS) as Column[]) {
      const names: readonly string[] = HEADERS[column]
      // A second column of the same meaning counts less than the first.
      if (names.includes(known)) found[column] ??= i
      else if (unit && names.includes(unit[1]!) && 'xy'.includes(column))
        throw layoutError(name, `column ${cell}: positions are in ${unit[2]}; divide them by the size of a pixel first`)
      else if (unit && names.includes(unit[1]!) && column === 'section')
        depth ??= `column ${cell}: depths are in ${unit[2]}`
    }
  }
  if (depth && found.section === undefined)
    throw layoutError(name, `${depth}; divide them by the thickness of a section first`)
  return Object.keys(found).length > 1 || (head.length === 1 && Object.keys(found).length > 0) ? found : undefined
}

/** `name; ; (x, y)` or `(x, y, z)`, with `dim = 2` before. */
const FIJI = /^\s*([^;]+?)\s*;[^;]*;\s*\(\s*([^()]+)\)\s*$/

function parseFiji(lines: readonly (readonly [number, string])[], name: string): ParsedLayout {
  const tiles = lines
    .filter(([, l]) => !/^\s*(dim|multiseries)\s*=/.test(l))
    .map(([line, l]): ListedTile => {
      const m = FIJI.exec(l)
      const [x, y, z = 0] = (m?.[2] ?? '').split(',').map(Number)
      if (!m || ![x, y, z].every(Number.isFinite)) throw layoutError(name, `line ${line}: not "file; ; (x, y)"`)
      if (!Number.isInteger(z)) throw layoutError(name, `line ${line}: section ${z} is no whole number`)
      return { section: z, name: nameOfFile(m[1]!), file: m[1]!, x: x!, y: y! }
    })
  return { kind: 'stitching', tiles, notes: [] }
}
