// What a command waits for: every wait on the stack says so after ten seconds, and again when it changes.
import { setTimeout as sleep } from 'node:timers/promises'
import { home, type StackRecord } from '../../worker/home.ts'
import { connect, following } from '../connection.ts'
import { troublesHere, troublesOf } from './troubles.ts'

const LOOK_MS = 1000
const SAY_MS = 10_000

let watching = false
let print = (line: string): void => console.error(line)

/** From now on lines go where a command wants them, such as above its progress; it shows by itself how far it is. */
export function sayThrough(say: (line: string) => void): void {
  following.shown = true
  print = say
}

/** From now on whatever happens to the stack is the business of who calls this. */
export const unwatch = (): void => void (watching = false)

/** Watches the stack while this process waits for something on it. @param standing starts it again where it was killed */
export function watch(standing: () => Promise<StackRecord>): void {
  if (watching) return
  watching = true
  void (async () => {
    let looked = Date.now()
    let said = ''
    let address: string | undefined
    for (;;) {
      await sleep(LOOK_MS, undefined, { ref: false })
      if (!watching) return
      try {
        const stack = await standing()
        const { temporal } = stack
        if ((address ??= temporal) !== temporal)
          throw new Error(
            `Temporal has another address now, ${temporal}: \`hillock status\` goes on from there, and so does the run`,
          )
        if (Date.now() - looked < SAY_MS) continue
        looked = Date.now()
        const lines = (await troubles(stack)).join('\n')
        if (lines !== said && lines !== '') print(lines)
        said = lines
      } catch (e) {
        console.error(`hillock: ${(e as Error).message}`)
        process.exit(1)
      }
    }
  })()
}

async function troubles(stack: StackRecord): Promise<string[]> {
  const here = await troublesHere(home(), stack)
  const own = following.ids
  const there = await connect(stack.temporal).then(
    async client => {
      try {
        return await troublesOf(client, stack.temporal, own)
      } finally {
        await client.connection.close()
      }
    },
    () => [`Temporal at ${stack.temporal} does not answer`],
  )
  const all = [...new Set([...here, ...there])]
  if (all.length > 0) return all.map(line => `waiting: ${line}`)
  return own.size === 0 || following.shown ? [] : [`waiting for ${[...own].join(', ')}`]
}
