/** Starts the page that the address asks for. */
import './styles/base.css'
import './styles/home.css'
import './styles/player.css'
import './styles/player-choices.css'
import './styles/dashboard.css'
import './styles/settings.css'
import './styles/chat.css'
import './styles/chat-messages.css'
import './styles/chat-menu.css'
import './styles/chat-composer.css'
import './styles/chat-dashboard.css'
import './styles/vod.css'
import './styles/comments.css'
import { render } from 'preact'
import { PopoutPage } from './chat/popout-page.tsx'
import { EmbedPage } from './embed-page.tsx'
import { HomePage } from './home-page.tsx'
import { LibraryPage } from './vod/library-page.tsx'
import { VodEmbedPage, VodPage } from './vod/vod-page.tsx'
import { WatchPage } from './watch-page.tsx'

async function page(path: string) {
  const [first = '', second = '', third = ''] = path.split('/').filter(Boolean)
  if (first === '') return <HomePage />
  if (first === 'embed' && second === 'v') return <VodEmbedPage id={third} />
  if (first === 'embed') return <EmbedPage slug={second} />
  if (first === 'chat' && third === 'popout') return <PopoutPage slug={second} />
  if (first === 'v') return <VodPage id={second} />
  if (second === 'videos') return <LibraryPage slug={first} />
  if (first !== 'dashboard') return <WatchPage slug={first} />
  // Viewers do not wait for what streamers need.
  const { DashboardPage } = await import('./dashboard/dashboard-page.tsx')
  return <DashboardPage />
}

render(await page(location.pathname), document.getElementById('app')!)
