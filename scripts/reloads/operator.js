'use strict'

// A program of its own, on the Node in question: starts the app with one of the two modules, and reloads it when its
// parent says so.

const [file, optionsText] = process.argv.slice(2)
const options = JSON.parse(optionsText)
const pm2 = require(file)

const call = (method, ...args) =>
  new Promise((resolve, reject) => pm2[method](...args, (error, result) => (error ? reject(error) : resolve(result))))

const steps = {
  start: () => call('connect').then(() => call('start', options)),
  reload: () => call('reload', options.name),
  grow: () => call('scale', options.name, '+1'),
  scale: () => call('scale', options.name, 2),
  end: () => call('killDaemon'),
}

process.on('message', async (step) => {
  const begun = performance.now()
  try {
    await steps[step]()
    process.send({ took: performance.now() - begun })
  } catch (error) {
    process.send({ error: [].concat(error)[0].message })
  }
  if (step === 'end') process.exit()
})
