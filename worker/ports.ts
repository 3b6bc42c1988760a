// Free loopback ports, the same ones again after a restart where they are still free, so that links stay valid.
import { createServer } from 'node:net'
import { existsSync, readFileSync } from 'node:fs'
import { writeJson, type Home } from './home.ts'

export interface Ports {
  readonly temporal: number
  readonly ui: number
  readonly serving: number
}

const free = (port: number): Promise<number | undefined> =>
  new Promise(done => {
    const server = createServer()
    server.once('error', () => done(undefined))
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(address && typeof address === 'object' ? address.port : undefined))
    })
  })

/** Ports of the last time, else the usual ones, else any that are free; written to `ports.json`. */
export async function choosePorts(h: Home): Promise<Ports> {
  const usual: Ports = { temporal: 7233, ui: 8233, serving: 8470 }
  const last = existsSync(h.ports) ? (JSON.parse(readFileSync(h.ports, 'utf8')) as Ports) : usual
  const pick = async (port: number): Promise<number> => (await free(port)) ?? (await free(0))!
  const ports = { temporal: await pick(last.temporal), ui: await pick(last.ui), serving: await pick(last.serving) }
  writeJson(h.ports, ports)
  return ports
}
