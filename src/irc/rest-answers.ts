/** What is answered to commands that clients send by themselves when they join, and to those that there are not. */

/** A numeric of RFC 1459 and its parameters. */
export type RestAnswer = readonly [numeric: string, params: readonly string[]]

/** `first`: the command's first parameter. Undefined: nothing is answered. */
export function answerRest(command: string, first: string): RestAnswer | undefined {
  switch (command) {
    case 'MODE':
      return first.startsWith('#') ? ['324', [first, '+nt']] : ['221', ['+i']]
    case 'WHO':
      return ['315', [first || '*', 'End of WHO list']]
    case 'WHOIS':
      return ['318', [first, 'End of WHOIS list']]
    case 'LIST':
      return ['323', ['End of LIST']]
    case 'MOTD':
      return ['422', ['There is no message of the day.']]
    case 'PASS':
    case 'USER':
      return ['462', ['You are signed in already.']]
    case 'PONG':
    case 'NOTICE':
    case 'CAP':
      return undefined
    default:
      return ['421', [command, 'Unknown command']]
  }
}
