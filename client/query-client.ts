// Asks a server about releases, typed: one function for each endpoint of the query API, made of the table that the server's routes are made of.
import type { z } from 'zod'
import { API, endpoints, type Endpoint } from '../domain/api/endpoints.ts'
import { Problem } from '../domain/api/schemas.ts'

/** What an endpoint takes, wherever a request has it: path, query or body. */
type Asked<E extends Endpoint> = Fields<E['params']> & Fields<E['query']> & Fields<E['body']>
/** Of an object that has some. */
type Fields<S> = S extends z.ZodType ? (string extends keyof z.input<S> ? unknown : z.input<S>) : unknown
type Answer<E extends Endpoint> = E['media'] extends readonly string[] ? Uint8Array : z.output<E['answer']>
type Endpoints = typeof endpoints

export type QueryClient = {
  readonly [E in keyof Endpoints]: (asked: Asked<Endpoints[E]>) => Promise<Answer<Endpoints[E]>>
} & {
  /** The rows of a page and of those that follow it, all of the same release. */
  rows<P extends { readonly rows: readonly unknown[]; readonly next: string | null }>(
    page: P,
  ): AsyncGenerator<P['rows'][number]>
}

/** What a server refuses, with what to do. */
export class QueryProblem extends Error {
  readonly status: number
  readonly todo: string
  constructor({ status, detail, todo }: Problem) {
    super(detail)
    this.status = status
    this.todo = todo
  }
}

/** @param url of the server, as `hillock up` prints it @param token a bearer token, where the server wants one */
export function queryClient(url: string, token?: string): QueryClient {
  async function ask(path: string, init: { method: string; body?: string }): Promise<Response> {
    const headers = {
      accept: 'application/json, */*;q=0.5',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(init.body !== undefined && { 'content-type': 'application/json' }),
    }
    const answer = await fetch(new URL(path, url), { ...init, headers })
    if (answer.ok) return answer
    const told = Problem.safeParse(await answer.json().catch(() => undefined))
    const { status, statusText: title } = answer
    const unknown = { type: 'about:blank', title, status, detail: `${url} answers ${status} ${title}` }
    throw new QueryProblem(told.data ?? { ...unknown, todo: 'see that this is the address of a Hillock server' })
  }

  async function call(endpoint: Endpoint, asked: Record<string, unknown>): Promise<unknown> {
    const named = endpoint.path.replace(/:(\w+)/g, (_, key: string) => encodeURIComponent(String(asked[key])))
    const query = new URLSearchParams()
    const body: Record<string, unknown> = {}
    for (const [key, value] of Object.entries(asked)) {
      if (value === undefined || key in endpoint.params.shape) continue
      if (endpoint.body && key in endpoint.body.shape) body[key] = value
      else query.set(key, String(value as string | number))
    }
    const { method } = endpoint
    const answer = await ask(`${API}${named}?${query.toString()}`, {
      method,
      ...(endpoint.body && { body: JSON.stringify(body) }),
    })
    if (typeof endpoint.media === 'object') return new Uint8Array(await answer.arrayBuffer())
    return endpoint.answer.parse(await answer.json())
  }

  const calls = Object.entries(endpoints).map(([name, endpoint]) => [
    name,
    (asked: Record<string, unknown>) => call(endpoint, asked),
  ])
  return {
    ...Object.fromEntries(calls),
    async *rows(page: { rows: readonly unknown[]; next: string | null }) {
      yield* page.rows
      for (let { next } = page; next !== null;) {
        const more = (await (await ask(next, { method: 'GET' })).json()) as typeof page
        yield* more.rows
        next = more.next
      }
    },
  } as QueryClient
}
