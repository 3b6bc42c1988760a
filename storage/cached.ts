// Values that never change, kept in memory: those made last, each made once however often it is asked for.

/** The value of a name, made where it is not cached; one that could not be made is made again. */
export function cached<T>(
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
