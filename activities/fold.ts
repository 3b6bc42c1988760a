// Folding of many parts into one, some at a time: neither are all of them held, nor is the sum gone through for each.

/** Parts that are held until they are folded. */
const HELD = 32

export class Fold<T> {
  private parts: T[] = []
  private readonly fold: (parts: readonly T[]) => Promise<T>

  /** @param fold gives the same of parts as of what it gives of some of them, and of the rest */
  constructor(fold: (parts: readonly T[]) => Promise<T>) {
    this.fold = fold
  }

  async add(part: T): Promise<void> {
    if (this.parts.push(part) === HELD) this.parts = [await this.fold(this.parts)]
  }

  sum(): Promise<T> {
    return this.fold(this.parts)
  }
}
