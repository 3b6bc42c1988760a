// As much of Cypher as neuprint-python sends, as a tree: patterns to match, one condition, what is returned in which order.
import { badRequest, type Problem } from '../problem.ts'

export type Expression =
  | { readonly kind: 'value'; readonly value: string | boolean | null }
  /** Digits as they stand: ids are larger than a double holds. */
  | { readonly kind: 'number'; readonly digits: string }
  | { readonly kind: 'list'; readonly items: readonly Expression[] }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'property'; readonly of: string; readonly path: string }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }
  | { readonly kind: 'operation'; readonly operator: string; readonly args: readonly Expression[] }

export interface Item {
  readonly expression: Expression
  readonly name: string
}

export interface Statement {
  /** Without white space: `(n:Neuron)`. */
  readonly patterns: readonly string[]
  /** All that has to hold. */
  readonly conditions: readonly Expression[]
  readonly items: readonly Item[]
  readonly order: readonly { readonly expression: Expression; readonly down: boolean }[]
  readonly limit: string | undefined
}

export const notUnderstood = (what: string): Problem =>
  badRequest(
    `this Cypher is not understood: ${what}`,
    'the queries of neuprint-python are answered here; ask anything else in SQL (POST /api/v1/datasets/DATASET/releases/RELEASE/sql)',
  )

const TOKEN =
  /\s+|\/\/[^\n]*|(`[^`]+`)|('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(\d+(?:\.\d+)?(?:e[+-]?\d+)?)|([a-z_]\w*)|(=~|<>|<=|>=|\.\.|[-()[\]{},.:=<>*|+])/giy
const CLAUSES = ['MATCH', 'WHERE', 'WITH', 'RETURN', 'ORDER', 'LIMIT', 'UNWIND', 'CALL', 'OPTIONAL', 'SKIP', 'UNION']

/** Conditions within each other; clients send a handful. */
const DEEPEST = 200

interface Token {
  readonly type: 'name' | 'text' | 'number' | 'sign'
  readonly text: string
}

function tokensOf(cypher: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  for (let at = 0; at < cypher.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at
    const found = TOKEN.exec(cypher)
    if (!found) throw notUnderstood(`at ${JSON.stringify(cypher.slice(at, at + 40))}`)
    const [, quoted, text, number, name, sign] = found
    if (quoted) tokens.push({ type: 'name', text: quoted.slice(1, -1) })
    else if (text) tokens.push({ type: 'text', text: text.slice(1, -1).replaceAll(/\\(.)/g, '$1') })
    else if (number) tokens.push({ type: 'number', text: number })
    else if (name) tokens.push({ type: 'name', text: name })
    else if (sign) tokens.push({ type: 'sign', text: sign })
  }
  return tokens
}

class Parser {
  private readonly tokens: readonly Token[]
  private at = 0
  /** What WITH has given a name: the name stands for it from then on. */
  private readonly named = new Map<string, Expression>()
  private depth = 0
  constructor(cypher: string) {
    this.tokens = tokensOf(cypher)
  }

  private is(...texts: string[]): boolean {
    const token = this.tokens[this.at]
    return token !== undefined && token.type !== 'text' && texts.includes(token.text.toUpperCase())
  }
  private take(...texts: string[]): boolean {
    const found = this.is(...texts)
    if (found) this.at++
    return found
  }
  private next(): Token {
    const token = this.tokens[this.at++]
    if (!token) throw notUnderstood('it ends in the middle')
    return token
  }
  private must(text: string): void {
    const { text: found } = this.next()
    if (found.toUpperCase() !== text) throw notUnderstood(`${found} stands where ${text} should`)
  }
  get ended(): boolean {
    return this.at === this.tokens.length
  }

  private list<T>(one: () => T): T[] {
    const all = [one()]
    while (this.take(',')) all.push(one())
    return all
  }

  statement(): Statement {
    const patterns: string[] = []
    const conditions: Expression[] = []
    while (!this.take('RETURN')) {
      if (this.take('MATCH')) patterns.push(this.pattern())
      else if (this.take('WHERE')) conditions.push(this.expression())
      else if (this.take('WITH')) {
        this.take('DISTINCT')
        for (const { name, expression } of this.list(() => this.item()))
          if (expression.kind !== 'name' || expression.name !== name) this.named.set(name, expression)
      } else throw notUnderstood(`${this.next().text} is no clause that is answered`)
    }
    this.take('DISTINCT')
    const items = this.list(() => this.item())
    const order = this.take('ORDER') ? (this.must('BY'), this.list(() => this.ordered())) : []
    const limit = this.take('LIMIT') ? this.next().text : undefined
    if (limit !== undefined && !/^\d{1,18}$/.test(limit)) throw notUnderstood(`LIMIT ${limit}`)
    if (!this.ended) throw notUnderstood(`${this.next().text} after its end`)
    return { patterns, conditions, items, order, limit }
  }

  private pattern(): string {
    let text = ''
    while (!this.ended && !this.is(...CLAUSES)) text += this.next().text
    return text
  }

  private item(): Item {
    const from = this.at
    const expression = this.expression()
    const text = this.tokens
      .slice(from, this.at)
      .map(t => t.text)
      .join('')
    return { expression, name: this.take('AS') ? this.next().text : text }
  }

  private ordered(): Statement['order'][number] {
    const expression = this.expression()
    const down = this.take('DESC')
    this.take('ASC')
    return { expression, down }
  }

  expression(): Expression {
    const args = [this.conjunction()]
    while (this.take('OR')) args.push(this.conjunction())
    return args.length === 1 ? args[0]! : { kind: 'operation', operator: 'OR', args }
  }

  private conjunction(): Expression {
    const args = [this.negation()]
    while (this.take('AND')) args.push(this.negation())
    return args.length === 1 ? args[0]! : { kind: 'operation', operator: 'AND', args }
  }

  private negation(): Expression {
    if (++this.depth > DEEPEST) throw notUnderstood(`more than ${DEEPEST} conditions within each other`)
    const found: Expression = this.take('NOT')
      ? { kind: 'operation', operator: 'NOT', args: [this.negation()] }
      : this.comparison()
    this.depth--
    return found
  }

  private comparison(): Expression {
    const left = this.primary()
    for (const operator of ['=~', '=', '<>', '<=', '>=', '<', '>', 'IN'])
      if (this.take(operator)) return { kind: 'operation', operator, args: [left, this.primary()] }
    if (!this.take('IS')) return left
    const not = this.take('NOT')
    this.must('NULL')
    const isNull: Expression = { kind: 'operation', operator: 'IS NULL', args: [left] }
    return not ? { kind: 'operation', operator: 'NOT', args: [isNull] } : isNull
  }

  private primary(): Expression {
    if (this.take('(')) {
      const inner = this.expression()
      this.must(')')
      return inner
    }
    if (this.take('[')) {
      const items = this.is(']') ? [] : this.list(() => this.expression())
      this.must(']')
      return { kind: 'list', items }
    }
    const minus = this.take('-') ? '-' : ''
    const { type, text } = this.next()
    if (type === 'number') return { kind: 'number', digits: minus + text }
    if (type === 'text') return { kind: 'value', value: text }
    if (type !== 'name' || minus !== '') throw notUnderstood(`at ${text}`)
    if (/^(true|false|null)$/i.test(text))
      return { kind: 'value', value: /^null$/i.test(text) ? null : /^true$/i.test(text) }
    const path: string[] = []
    while (this.take('.')) path.push(this.next().text)
    if (this.take('(')) {
      this.take('DISTINCT')
      const args = this.list(() => this.expression())
      this.must(')')
      return { kind: 'call', name: [text, ...path].join('.'), args }
    }
    if (path.length === 0) return this.named.get(text) ?? { kind: 'name', name: text }
    return { kind: 'property', of: text, path: path.join('.') }
  }
}

/** @throws Problem 400 */
export const parseCypher = (cypher: string): Statement => new Parser(cypher).statement()

/** One condition by itself. @throws Problem 400 */
export const parseCondition = (text: string): Expression => {
  const parser = new Parser(text)
  const found = parser.expression()
  if (!parser.ended) throw notUnderstood(`after the end of ${text}`)
  return found
}
