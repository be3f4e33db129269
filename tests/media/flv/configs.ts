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

/** x265, Main, 640 by 360, 30 frames a second, B-frames. */
export const HEVC = hex(
  '0101600000009000000000003ff000fcfdf8f800000f03' +
    '200001001840010c01ffff01600000030090000003000003003f959409' +
    '210001002b42010101600000030090000003000003003fa005020171f2e595952930bc05a020000003002000000303c1' +
    '22000100064401c073c189',
)
/** SVT-AV1, Main, 640 by 360. */
export const AV1 = hex('81010c00 0a0b0000000cc4ff6700be0010')
/** `OpusHead`: version 1, stereo, 312 samples of pre-skip, 48 kHz, no gain, family 0. */
export const OPUS = hex('4f70757348656164 01 02 3801 80bb0000 0000 00')
export const OPUS_SURROUND = '4f70757348656164 01 06 3801 80bb0000 0000 01 0402 000401020305'
