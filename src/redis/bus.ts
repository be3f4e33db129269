/** How instances tell each other what has happened: texts by topic, at most once, in one order for all who listen. */

export interface Bus {
  /** Resolves when it is handed over. Rejects while the bus is away: nobody but this process will hear of it. */
  publish(topic: string, text: string): Promise<void>
  /** Hears everything published to `topic` from now on, this process's own texts too. Answers how to stop. */
  subscribe(topic: string, listener: (text: string) => void): Promise<() => void>
  /** False: this process hears nothing of others. */
  readonly isConnected: boolean
  /** Told when `isConnected` changes: what was published in between is lost. Answers how to stop. */
  onConnection(listener: (isConnected: boolean) => void): () => void
  close(): Promise<void>
}
