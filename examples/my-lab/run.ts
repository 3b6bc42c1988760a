// Starts a run with our stage and our model, waits for its release, asks the server about it, and says what came of it.
import './rows.ts'
import { bucket, follow, onStack, queryClient, readRelease, readRunFile, startRun } from 'hillock/client'

process.env['HILLOCK_STAGES'] = `${import.meta.dirname}/rows.ts`
process.env['HILLOCK_WORKER'] = `${import.meta.dirname}/worker.ts`
const { client, stack } = await onStack()
const run = await startRun(client, readRunFile(`${import.meta.dirname}/lab.yaml`), undefined)
const { release } = await follow(client, run, p => console.error(p?.phase))
const { stages, quality } = (await readRelease(bucket(), 'my-lab', release))!
const ask = queryClient(stack.serving)
const { tables } = await ask.tables({ dataset: 'my-lab', release })
const segments = tables.find(t => t.table === 'segments')!.rows
console.log(JSON.stringify({ release, blurred: stages!['blur']!.length, segments, quality }))
process.exit()
