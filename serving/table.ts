// Reads a Parquet file of the bucket as rows.
import { parquetReadObjects } from 'hyparquet'

export type Row = Readonly<Record<string, unknown>>

/** All rows; 64-bit integers are bigint. @throws Error when the bytes are not Parquet. */
export const readTable = (bytes: Uint8Array<ArrayBuffer>): Promise<Row[]> => parquetReadObjects({ file: bytes.buffer })
