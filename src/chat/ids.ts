/** What an id looks like: nothing else is asked of the database, which would call it an error. */

const idForm = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function isId(text: string): boolean {
  return idForm.test(text)
}
