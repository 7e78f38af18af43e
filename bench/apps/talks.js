'use strict'

// Sends every message's data back; `say` makes it send so many messages of its own, of so many bytes, as fast as its
// channel takes them.

const AT_ONCE = 500

function say(from, count, bytes) {
  const end = Math.min(from + AT_ONCE, count)
  for (let number = from; number < end; number++) {
    const message = { type: 'said', data: String(number).padStart(bytes, '0') }
    if (number + 1 < end) process.send(message)
    else process.send(message, () => end < count && say(end, count, bytes))
  }
}

process.on('message', ({ topic, data }) => {
  if (topic === 'say') say(0, data.count, data.bytes)
  else process.send({ type: 'answer', data })
})
process.send({ type: 'listens', data: {} })
