/** Starts the page that the address asks for. */
import './styles/base.css'
import './styles/home.css'
import './styles/player.css'
import './styles/player-choices.css'
import './styles/dashboard.css'
import './styles/settings.css'
import { render } from 'preact'
import { DashboardPage } from './dashboard/dashboard-page.tsx'
import { EmbedPage } from './embed-page.tsx'
import { HomePage } from './home-page.tsx'
import { WatchPage } from './watch-page.tsx'

function page(path: string) {
  const [first = '', second = ''] = path.split('/').filter(Boolean)
  if (first === '') return <HomePage />
  if (first === 'embed') return <EmbedPage slug={second} />
  return first === 'dashboard' ? <DashboardPage /> : <WatchPage slug={first} />
}

render(page(location.pathname), document.getElementById('app')!)
