// The Temporal server on PostgreSQL: built once per machine, its tables made by its own tool, started with temporal.yaml.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { buildGoTool, builtBinary, type GoTool } from '../../worker/go-tool.ts'
import { output, until, type Command } from './services.ts'

const tool = (name: string, command: string): GoTool => ({
  module: 'temporal-server',
  command: `go.temporal.io/server/cmd/${command}`,
  name,
})
const SERVER = tool('temporal-server', 'server')
const SQL_TOOL = tool('temporal-sql-tool', 'tools/sql')
const DATABASES = { temporal: 'temporal', temporal_visibility: 'visibility' }

const built = (tool: GoTool): string => (existsSync(builtBinary(tool)) ? builtBinary(tool) : buildGoTool(tool))

export interface Cluster {
  /** Where it listens; PostgreSQL has the other address, port 5432. */
  readonly address: string
  readonly postgres: string
  readonly password: string
  /** Folder with `temporal.crt`, its key, and `ca.crt`. */
  readonly certificates: string
  readonly shards: number
}

export const buildServer = (): void => [SERVER, SQL_TOOL].forEach(built)

/** Waits for PostgreSQL, and makes both databases with their tables. */
export async function makeTables({ postgres, password }: Cluster): Promise<void> {
  for (const [database, schema] of Object.entries(DATABASES)) {
    const at = ['--plugin', 'postgres12', '--ep', postgres, '-p', '5432', '-u', 'temporal', '--db', database]
    const sql = (...args: string[]): Promise<string> =>
      output([built(SQL_TOOL), [...at, ...args], { env: { ...process.env, SQL_PASSWORD: password } }])
    await until('PostgreSQL', 60, () => sql('create-database'))
    await sql('setup-schema', '-v', '0.0')
    await sql('update-schema', '--schema-name', `postgresql/v12/${schema}`)
  }
}

export const temporal = ({ address, postgres, password, certificates, shards }: Cluster): Command => {
  const given = { ADDRESS: address, POSTGRES: `${postgres}:5432`, PASSWORD: password, CERTIFICATES: certificates }
  const here = (file: string): string => join(import.meta.dirname, file)
  const env = { ...process.env, ...given, SHARDS: String(shards), DYNAMIC: here('dynamic.yaml') }
  return [built(SERVER), ['--config-file', here('temporal.yaml'), '--allow-no-auth', 'start'], { env }]
}
