'use strict'

const { quantile } = require('../harness/statistics')
const { direct, managed } = require('./talk')

const IN_FLIGHT = 20_000
const PATIENCE = 60_000

const rowsFor = (mode) => [
  { id: `${mode}-p50`, title: `message there and back, ${mode} mode, p50`, unit: 'us' },
  { id: `${mode}-p99`, title: `message there and back, ${mode} mode, p99`, unit: 'us' },
  { id: `${mode}-pipelined`, title: `the same, ${mode} mode, 20,000 in flight`, unit: '/s', better: 'more' },
]

/** Messages one after the other, each sent when the one before is back and its call answered; microseconds. */
async function oneByOne({ send, heard }, count) {
  const times = []
  for (let number = 0; number < count; number++) {
    const begun = performance.now()
    const back = new Promise((resolve, reject) => {
      heard.listener = ({ number: got }) =>
        got === number ? resolve(performance.now()) : reject(new Error(`message ${got} came, not ${number}`))
    })
    const call = send('echo', { number })
    times.push(((await back) - begun) * 1000)
    await call
  }
  return times
}

/** All at once; how many a second come back. */
async function together({ send, heard }, count, check, id) {
  let next = 0
  let inOrder = true
  const begun = performance.now()
  const back = new Promise((resolve, reject) => {
    const late = () => reject(new Error(`${next} of ${count} messages came back within ${PATIENCE / 1000} s`))
    const timer = setTimeout(late, PATIENCE)
    heard.listener = ({ number }) => {
      inOrder &&= number === next
      if (++next < count) return
      clearTimeout(timer)
      resolve(performance.now())
    }
  })
  const calls = []
  for (let number = 0; number < count; number++) calls.push(send('echo', { number }))
  const rate = (count / ((await back) - begun)) * 1000
  await Promise.all(calls)
  check(inOrder, 'messages came in another order than they were sent', id)
  return rate
}

/** What measures one app, managed or not. */
function measuring(mode, { send, hear }, { amount, check }) {
  const heard = {}
  hear('answer', (data) => heard.listener(data))
  const talk = { send, heard }
  return async () => {
    const times = await oneByOne(talk, amount(1000))
    const rate = await together(talk, amount(IN_FLIGHT), check, `${mode}-pipelined`)
    return {
      [`${mode}-p50`]: quantile(times, 0.5),
      [`${mode}-p99`]: quantile(times, 0.99),
      [`${mode}-pipelined`]: rate,
    }
  }
}

const inMode = (mode) => ({
  name: `message-${mode}`,
  rows: rowsFor(mode),
  manager: async (tools) => measuring(mode, await managed(tools, mode), tools),
  limit: async (tools) => measuring(mode, await direct(), tools),
})

module.exports = ['fork', 'cluster'].map(inMode)
