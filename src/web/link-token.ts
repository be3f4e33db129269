/** What a share link carries in the page's address. */

/** Undefined: the page was not opened by one. */
export function linkToken(): string | undefined {
  return new URLSearchParams(location.search).get('token') ?? undefined
}
