// Removes what test files of one `vitest run` have shared.
import { rmSync } from 'node:fs'
import { template } from './system/harness.ts'

export default () => (): void => rmSync(template(process.pid), { recursive: true, force: true })
