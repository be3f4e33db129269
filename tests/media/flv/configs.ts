/** Decoder configurations as encoders write them. */

export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))

/** x264, High, 320 by 180, 30 frames a second, B-frames. */
export const CONFIG = hex(
  '01 64000d ff e1 001a 6764000dacd941419f9f0110000003001000000303c0f1429960 01 0004 68ef8fcb fdf8f800',
)
/** x264, High, 640 by 360. */
export const LARGER = hex(
  '01 64001e ff e1 001a 6764001eacd940a02ff970110000030001000003003c0f162d96 01 0004 68ef8fcb fdf8f800',
)
/** Baseline, 64 by 64, without VUI. */
export const BARE = hex('01 42c00a ff e1 0007 6742c00ada1099 01 0004 68ce3c80')
export const AAC_44100 = hex('1210')
export const AAC_48000 = hex('1190')
