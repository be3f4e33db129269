/** What is said of a video beside its title. */

const DATE = new Intl.DateTimeFormat('en', { dateStyle: 'medium' })

export function dateText(iso: string): string {
  return DATE.format(new Date(iso))
}

export function viewsText(count: number): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'view' : 'views'}`
}
