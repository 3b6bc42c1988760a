// Free loopback ports, the same ones again after a restart where they are still free, so that links stay valid.
import { createServer } from 'node:net'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readJson, type Home } from './home.ts'
import { bornAt } from './identity.ts'

/** Of Temporal and its UI, of the serving process, and where the metrics of each worker are scraped. */
const USUAL = { temporal: 7233, ui: 8233, serving: 8470, workflow: 9464, cpu: 9465, inference: 9466 }
export type Ports = { -readonly [P in keyof typeof USUAL]: number }

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
  const file = join(folder, String(port))
  const own = `${process.pid} ${bornAt(process.pid)}`
  for (let tries = 0; tries < 3; tries++)
    try {
      mkdirSync(folder, { recursive: true })
      writeFileSync(file, own, { flag: 'wx' })
      return true
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== 'EEXIST') return true
      const owner = ownerOf(file)
      if (owner === own) return true
      const pid = Number(owner.split(' ')[0])
      if (owner === `${pid} ${bornAt(pid)}`) return false
      rmSync(file, { force: true })
    }
  return false
}

function ownerOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** `wanted` where nobody has it, else any port that is free. */
export async function freePort(wanted: number): Promise<number> {
  if (claim(wanted) && (await listenable(wanted))) return wanted
  for (;;) {
    const port = (await listenable(0))!
    if (claim(port)) return port
  }
}

/** Ports of the last time, or the usual ones where those are not known. */
export function lastPorts(h: Home): Ports {
  const last = (readJson(h.ports) ?? {}) as Partial<Ports>
  const known = (p: unknown): p is number => Number.isInteger(p) && (p as number) > 0 && (p as number) < 65_536
  return Object.fromEntries(
    Object.entries(USUAL).map(([n, usual]) => [n, known(last[n as keyof Ports]) ? last[n as keyof Ports] : usual]),
  ) as Ports
}
