// The workflow code in one file, bundled once for each state of its sources: every start and every audit needs it.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundleOption } from '@temporalio/worker'
import { checkout } from './home.ts'

/** What the code is made of: its own rooms, the packages as they are pinned, and the way of bundling. */
const ROOMS = ['workflows', 'domain']
const OTHERS = ['package-lock.json', 'worker/workflow-bundle.ts']

/** @param rows files that add stages to the table: they are read before it. @param failures file of a failure converter */
export async function workflowBundle(rows: readonly string[] = [], failures?: string): Promise<WorkflowBundleOption> {
  const files = ROOMS.flatMap(room =>
    readdirSync(join(checkout, room), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts'))
      .map(name => join(room, name)),
  )
  const hash = createHash('sha256')
  for (const file of [...OTHERS, ...files.sort(), ...rows, ...(failures ? [failures] : [])])
    hash.update(`${file}\0`).update(readFileSync(resolve(checkout, file)))
  const folder = join(checkout, 'dist')
  const codePath = join(folder, `workflows-${hash.digest('hex').slice(0, 16)}.js`)
  if (!existsSync(codePath)) {
    const { code } = await bundleWorkflowCode({
      workflowsPath: join(checkout, 'workflows', 'index.ts'),
      workflowInterceptorModules: [...rows, join(checkout, 'workflows', 'interceptors.ts')],
      ...(failures && { failureConverterPath: failures }),
      logger: new DefaultLogger('WARN'),
    })
    try {
      mkdirSync(folder, { recursive: true })
      // Several processes may make it at the same time: each its own, the same bytes.
      const own = `${codePath}.${process.pid}`
      writeFileSync(own, code)
      renameSync(own, codePath)
    } catch {
      // An image that may not be written has the usual one; what is bundled beside it is made at each start.
      return { code }
    }
  }
  return { codePath }
}
