'use strict'

const LINES = 500

/** Lines of 100 bytes, each another, that are written again and again. */
const line = (_, number) => `${String(number).padStart(8, '0')} ${'x'.repeat(90)}\n`
module.exports = { text: Array.from({ length: LINES }, line).join('') }
