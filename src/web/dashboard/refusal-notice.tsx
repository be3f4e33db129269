/** Why the encoder was refused or thrown out, for the streamer who comes here to find out. */
import type { StreamHealth } from '../api.ts'

export function RefusalNotice({ refusal }: { refusal: StreamHealth['lastRefusal'] }) {
  return (
    <div class="refusal" role="alert">
      {refusal && (
        <p class="notice error">
          <strong>Your encoder was disconnected at {timeOf(refusal.refusedAt)}.</strong> {refusal.message}
        </p>
      )}
    </div>
  )
}

function timeOf(iso: string): string {
  return new Date(iso).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
}
