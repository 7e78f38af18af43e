'use strict'

// Numbered lines until SIGINT, then how many there were.

let count = 0
const timer = setInterval(() => {
  for (let line = 0; line < 20; line++) console.log(`line ${count++} ${'x'.repeat(count % 100)}`)
}, 5)

process.once('SIGINT', () => {
  clearInterval(timer)
  console.log(`end ${count}`)
  process.disconnect?.()
})
