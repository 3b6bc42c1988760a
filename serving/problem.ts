// What a reader is told when a request cannot be answered: what is wrong, and what to do.
import { errorTable, isHillockError } from '../domain/errors.ts'

/** An answer other than 200, with advice. */
export class Problem extends Error {
  readonly status: number
  readonly todo: string
  readonly headers: Readonly<Record<string, string>>
  constructor(status: number, message: string, todo: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.todo = todo
    this.headers = headers
  }
}

export const badRequest = (message: string, todo: string): Problem => new Problem(400, message, todo)
export const notFound = (message: string, todo: string): Problem => new Problem(404, message, todo)
export const tooMuch = (message: string, todo: string): Problem => new Problem(422, message, todo)

/**
 * Any error as a problem: what the reader named is not there (404), the bucket or Temporal is away (503, with a time to come
 * again), a damaged or missing object or a defect is ours (500).
 */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (isHillockError(error)) {
    const { retry, todo } = errorTable[error.type]
    if (error.type === 'ConfigError') return notFound(error.message, 'the list at / has what there is')
    return new Problem(retry ? 503 : 500, `${error.type}: ${error.message}`, todo, retry ? LATER : {})
  }
  const { statusCode, code, message } = error as { statusCode?: number; code?: unknown; message: string }
  if (statusCode !== undefined && statusCode < 500) return new Problem(statusCode, message, 'correct the request')
  if (typeof code === 'number' && AWAY.includes(code))
    return new Problem(
      503,
      `Temporal does not answer: ${message}`,
      'try again; `hillock status` says what is up',
      LATER,
    )
  if (statusCode === 503) return new Problem(503, message, 'ask for less at once, or try again', LATER)
  return new Problem(500, message, 'this is a defect of the server: its log has the details')
}

/** Undefined for what is answered with this status; to be given to `catch`. @throws any other error */
export const unless =
  (status: number) =>
  (error: unknown): undefined => {
    if (asProblem(error).status !== status) throw error
  }

const TITLES: Readonly<Record<number, string>> = {
  400: 'Wrong request',
  401: 'Sign in',
  403: 'Not allowed',
  404: 'Not found',
  413: 'Too large',
  422: 'Too much asked',
  429: 'Too many requests',
  503: 'Come again',
}

/** As RFC 9457 has it, with what to do. */
export const problemJson = ({ status, message: detail, todo }: Problem): object => ({
  type: 'about:blank',
  title: TITLES[status] ?? 'Problem',
  status,
  detail,
  todo,
})

const LATER = { 'retry-after': '5' }
/** Of gRPC: cancelled, deadline exceeded, resource exhausted, unavailable. */
const AWAY = [1, 4, 8, 14]
