/** What every page but the embedded one has around it, and the small pieces they share. */
import type { ComponentChildren } from 'preact'

export function Layout({ children, account }: { children: ComponentChildren; account?: ComponentChildren }) {
  return (
    <>
      <a class="skip-link" href="#content">
        Skip to content
      </a>
      <header class="site-header">
        <a class="brand" href="/">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <rect width="32" height="32" rx="8" />
            <path d="M7 9c3 0 3 2 6 2s3-2 6-2 3 2 6 2M7 15c3 0 3 2 6 2s3-2 6-2 3 2 6 2M7 21c3 0 3 2 6 2s3-2 6-2 3 2 6 2" />
          </svg>
          Sluice
        </a>
        <nav aria-label="Main">
          {account ?? (
            <a class="button quiet" href="/dashboard">
              Dashboard
            </a>
          )}
        </nav>
      </header>
      <main id="content">{children}</main>
    </>
  )
}

export function LivePill({ children = 'Live' }: { children?: ComponentChildren }) {
  return <span class="pill live">{children}</span>
}

export function ViewerCount({ count }: { count: number }) {
  return (
    <span class="viewers">
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm0 2c-4 0-8 2-8 5v1h16v-1c0-3-4-5-8-5Z" />
      </svg>
      {count.toLocaleString('en')} {count === 1 ? 'viewer' : 'viewers'}
    </span>
  )
}

/** Read out when it changes; empty, it takes no room. */
export function ErrorText({ children }: { children: ComponentChildren }) {
  return (
    <p class="error-text" role="alert">
      {children}
    </p>
  )
}

/** Another address every ten seconds, so that the browser asks for the new picture. */
export function freshThumbnail(url: string): string {
  return `${url}?t=${Math.floor(Date.now() / 10_000)}`
}
