// Rows as what a reader accepts: JSON, an Arrow stream or a Parquet file, written batch by batch.
import type { Cell, ColumnType, Rows } from './duckdb.ts'

export type Format = 'json' | 'arrow' | 'parquet'

export const MEDIA: Readonly<Record<Format, string>> = {
  json: 'application/json',
  arrow: 'application/vnd.apache.arrow.stream',
  parquet: 'application/vnd.apache.parquet',
}

/** As it stands in JSON: ids as text, other integers too where a double does not hold them. */
export function jsonCell(cell: Cell, type: ColumnType): Exclude<Cell, bigint> {
  if (typeof cell === 'bigint')
    return type === 'id' || !Number.isSafeInteger(Number(cell)) ? String(cell) : Number(cell)
  return typeof cell === 'number' && !Number.isFinite(cell) ? null : cell
}

/** @param head what stands before the rows of JSON @param most rows of JSON; where there are more it says that it is not complete */
async function* json({ columns, batches }: Rows, head: object, most: number): AsyncGenerator<Uint8Array> {
  let text = `${JSON.stringify({ ...head, columns }).slice(0, -1)},"rows":[`
  let rows = 0
  let complete = true
  for await (const batch of batches) {
    const from = rows
    for (let i = 0; i < batch[0]!.length && rows < most; i++, rows++)
      text += `${rows > 0 ? ',' : ''}${JSON.stringify(Object.fromEntries(columns.map((c, j) => [c.name, jsonCell(batch[j]![i]!, c.type)])))}`
    complete = rows - from === batch[0]!.length
    yield Buffer.from(text)
    text = ''
    if (!complete) break
  }
  yield Buffer.from(`${text}],"complete":${complete}}`)
}

/** The bytes of an answer, made as they are taken; what writes it is loaded when it is first wanted. */
export async function* encode(format: Format, rows: Rows, head: object, most = Infinity): AsyncGenerator<Uint8Array> {
  if (format === 'json') yield* json(rows, head, most)
  else if (format === 'arrow') yield* (await import('./arrow.ts')).arrow(rows)
  else yield* (await import('./parquet.ts')).parquet(rows)
}
