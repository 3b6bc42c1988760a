// A Temporal behind mTLS and an API key: HTTP/2 over TLS in front of a server that speaks neither.
import { connect, createSecureServer, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { readFileSync } from 'node:fs'

/** Lets in who has a certificate of the CA, and `apiKey`. */
export async function tlsFront(
  address: string,
  folder: string,
  certificate: string,
  apiKey: string,
): Promise<{ address: string; stop(): void }> {
  const read = (file: string): Buffer => readFileSync(join(folder, file))
  const behind = connect(`http://${address}`)
  const front = createSecureServer({
    cert: read(`${certificate}.crt`),
    key: read(`${certificate}.key`),
    ca: read('ca.crt'),
    requestCert: true,
    rejectUnauthorized: true,
  })
  front.on('sessionError', () => {})
  front.on('stream', (stream, { authorization, ...headers }) => {
    stream.on('error', () => {})
    const said = { ':status': 200, 'content-type': 'application/grpc' }
    if (authorization !== `Bearer ${apiKey}`)
      return stream.respond(
        { ...said, 'grpc-status': '16', 'grpc-message': 'Request unauthorized.' },
        { endStream: true },
      )
    const request = behind.request({ ...headers, ':authority': address, ':scheme': 'http' } as OutgoingHttpHeaders)
    let trailers: IncomingHttpHeaders | undefined
    let wanted = false
    const send = (): void => {
      if (trailers && wanted) stream.sendTrailers(trailers)
    }
    request.on('error', () => stream.close())
    request.on('trailers', t => {
      trailers = t
      send()
    })
    stream.on('wantTrailers', () => {
      wanted = true
      send()
    })
    stream.on('close', () => request.close())
    request.on('response', (answer, flags) => {
      const isAll = (flags & 1) === 1
      stream.respond(answer as OutgoingHttpHeaders, isAll ? { endStream: true } : { waitForTrailers: true })
      if (!isAll) request.pipe(stream)
    })
    stream.pipe(request)
  })
  await new Promise<void>(done => front.listen(0, '127.0.0.1', done))
  const { port } = front.address() as AddressInfo
  return {
    address: `localhost:${port}`,
    stop() {
      front.close()
      behind.destroy()
    },
  }
}
