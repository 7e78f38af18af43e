'use strict'

// Writes WRITES megabytes in lines of 100 bytes each time it is told to, as fast as its standard output takes them.

const { text } = require('./lines')
const chunks = (Number(process.env.WRITES) * 1_000_000) / text.length

function write(left) {
  while (left-- > 0) if (!process.stdout.write(text)) return process.stdout.once('drain', () => write(left))
}

process.on('message', () => write(chunks))
process.send({ type: 'listens', data: {} })
