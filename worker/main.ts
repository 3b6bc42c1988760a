// One worker process: `node worker/main.ts workflow|cpu|inference`; what it connects to comes in the environment.
import { roleProcess } from './role.ts'

roleProcess()
