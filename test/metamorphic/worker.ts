// A process that runs run files as they come, one after the other, and answers with what came of each.
import type { RunConfig } from '../../domain/config.ts'
import { directRun } from './direct.ts'

process.on('message', ({ config, bucket, run }: { config: RunConfig; bucket: string; run: string }) => {
  directRun(config, bucket, run).then(
    done => process.send!({ done }),
    (e: Error) => process.send!({ failed: `${e.name}: ${e.message}` }),
  )
})
process.on('disconnect', () => process.exit(0))
