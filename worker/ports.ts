// Free loopback ports, the same ones again after a restart where they are still free, so that links stay valid.
import { createServer } from 'node:net'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive, writeJson, type Home } from './home.ts'

export interface Ports {
  readonly temporal: number
  readonly ui: number
  readonly serving: number
  /** Where the metrics of each worker are scraped. */
  readonly metrics: { readonly workflow: number; readonly cpu: number; readonly inference: number }
}

const listenable = (port: number): Promise<number | undefined> =>
  new Promise(done => {
    const server = createServer()
    server.once('error', () => done(undefined))
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(address && typeof address === 'object' ? address.port : undefined))
    })
  })

/**
 * Claims a port for this process before anything listens on it: of two stacks that start at the same moment, the second must
 * not take the first one's port, or its workers would talk to the wrong server.
 */
function claim(port: number): boolean {
  const folder = join(tmpdir(), 'hillock-ports')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, String(port))
  for (let tries = 0; tries < 3; tries++)
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
      return true
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== 'EEXIST') return true
      const owner = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
      if (owner === process.pid) return true
      if (owner && isAlive(owner)) return false
      rmSync(file, { force: true })
    }
  return false
}

async function pick(wanted: number): Promise<number> {
  if (claim(wanted) && (await listenable(wanted))) return wanted
  for (;;) {
    const port = (await listenable(0))!
    if (claim(port)) return port
  }
}

/** Ports of the last time, else the usual ones, else any that are free; written to `ports.json`. */
export async function choosePorts(h: Home): Promise<Ports> {
  const usual: Ports = {
    temporal: 7233,
    ui: 8233,
    serving: 8470,
    metrics: { workflow: 9464, cpu: 9465, inference: 9466 },
  }
  const last = existsSync(h.ports) ? { ...usual, ...(JSON.parse(readFileSync(h.ports, 'utf8')) as Ports) } : usual
  const { workflow, cpu, inference } = last.metrics
  const ports: Ports = {
    temporal: await pick(last.temporal),
    ui: await pick(last.ui),
    serving: await pick(last.serving),
    metrics: { workflow: await pick(workflow), cpu: await pick(cpu), inference: await pick(inference) },
  }
  writeJson(h.ports, ports)
  return ports
}
