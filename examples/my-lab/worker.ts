// The workers of the lab: all that Hillock does, and our stage.
import './rows.ts'
import { roleProcess } from 'hillock/worker'
import { blur } from './blur.ts'

roleProcess({ activities: { blur }, rows: [import.meta.filename.replace('worker.ts', 'rows.ts')] })
