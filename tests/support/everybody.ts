/** Lets everybody watch, for tests of something else. */
import type { Admission } from '../../src/live/admission.ts'

export const EVERYBODY: Admission = {
  isOpen: () => true,
  admit: async () => undefined,
  stay: () => () => {},
}
