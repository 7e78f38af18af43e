'use strict'

const { direct, managed } = require('./talk')

const SIZES = { 16: '16 B', 1024: '1 KiB' }
const MESSAGES = 50_000
const PATIENCE = 60_000

const rowsFor = ([bytes, size]) => [
  { id: `bus-${bytes}`, title: `bus, ${size} messages of one app`, unit: '/s', better: 'more' },
  { id: `bus-${bytes}-cpu`, title: `... daemon's processor time for each, ${size}`, unit: 'us' },
]

/** Has the app say so many messages; how many a second are heard, once all have been. */
function listen({ send, heard }, bytes, count, check) {
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    let next = 0
    let inOrder = true
    const late = () => reject(new Error(`${next} of ${count} messages were heard within ${PATIENCE / 1000} s`))
    const timer = setTimeout(late, PATIENCE)
    heard.listener = (data) => {
      inOrder &&= data.length === bytes && Number(data.slice(-8)) === next
      if (++next < count) return
      clearTimeout(timer)
      check(inOrder, 'other messages were heard than were said', `bus-${bytes}`)
      resolve((count / (performance.now() - begun)) * 1000)
    }
    send('say', { count, bytes }).catch(reject)
  })
}

/** What measures one app; `metered` also tells the processor time of the daemon, if there is one. */
function measuring({ send, hear }, { amount, check }, metered) {
  const heard = {}
  hear('said', (data) => heard.listener(data))
  return async () => {
    const values = {}
    for (const bytes of Object.keys(SIZES).map(Number)) {
      const count = amount(MESSAGES)
      const { result, used } = await metered(() => listen({ send, heard }, bytes, count, check))
      values[`bus-${bytes}`] = result
      if (used !== undefined) values[`bus-${bytes}-cpu`] = used / count
    }
    return values
  }
}

module.exports = {
  name: 'bus',
  rows: Object.entries(SIZES).flatMap(rowsFor),
  async manager(tools) {
    return measuring(await managed(tools, 'fork'), tools, (work) => tools.manager.metered(work))
  },
  async limit(tools) {
    return measuring(await direct(), tools, async (work) => ({ result: await work() }))
  },
}
