// The bucket of the rehearsal: the emulator of Google Cloud Storage that the tests use, on a folder.
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { emulatorBinary } from '../../test/gcs/emulator.ts'
import { Service, until } from './services.ts'

const NAME = 'lab'

export interface Bucket {
  readonly url: string
  readonly emulator: string
  /** How many artifacts it has. */
  readonly artifacts: () => number
}

export async function startBucket(folder: string, address: string): Promise<Bucket> {
  const emulator = `http://${address}:4443`
  const root = join(folder, 'bucket')
  const listen = ['-scheme', 'http', '-host', address, '-port', '4443', '-external-url', emulator]
  const objects = ['-backend', 'filesystem', '-filesystem-root', root, '-log-level', 'error']
  const service = new Service(join(folder, 'bucket.log'), [emulatorBinary(), [...listen, ...objects]])
  await until(`the bucket (${service.log})`, 20, async () => {
    const request = { method: 'POST', body: JSON.stringify({ name: NAME }) }
    return (await fetch(`${emulator}/storage/v1/b`, { ...request, headers: { 'content-type': 'application/json' } })).ok
  })
  return {
    url: `gs://${NAME}/em`,
    emulator,
    artifacts: () => globSync(join(root, NAME, 'em/artifacts/*/*/lineage.json')).length,
  }
}
