// What activities keep in memory of what never changes: those made last, each made once however often it is asked for.

/** The value of a name, made where it is not kept; one that could not be made is made again. */
export function kept<T>(
  in_: Map<unknown, Promise<T>>,
  name: unknown,
  most: number,
  make: () => Promise<T>,
): Promise<T> {
  let value = in_.get(name)
  if (!value) {
    value = make()
    value.catch(() => in_.delete(name))
    if (in_.size >= most) in_.delete(in_.keys().next().value)
    in_.set(name, value)
  }
  return value
}
