'use strict'

// `npm start`: builds what is missing, then plays the article's example. pm2-slave.js runs as a cluster app, started
// from its ecosystem.config.js; pm2-master.js runs as it stands, beside it, and its `require('pm2')` is rpm2. Ends when
// the master has its answer, and leaves nothing running.

const { spawn } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const DEADLINE = 30_000
const root = path.join(__dirname, '..')
const article = path.join(root, 'examples', 'article')

/** Runs the master and shows what it prints, until both halves of the exchange are seen. */
function exchange(env) {
  const master = spawn(process.execPath, ['-r', path.join(root, 'register.js'), 'pm2-master.js'], { cwd: article, env })
  return new Promise((resolve, reject) => {
    let seen = ''
    const timer = setTimeout(() => fail(`no answer from pm2-slave within ${DEADLINE / 1000} s`), DEADLINE)
    const fail = (reason) => {
      clearTimeout(timer)
      master.kill()
      reject(new Error(reason))
    }
    const show = (chunk) => {
      process.stdout.write(chunk)
      seen += chunk
      const sent = /callback null \{/.test(seen) && /success: true/.test(seen)
      if (!sent || !/pm2-master launchBus \{[^]*num: /.test(seen)) return
      clearTimeout(timer)
      // The master listens for ever; it has shown what it is for.
      master
        .removeAllListeners('exit')
        .once('exit', () => resolve())
        .kill()
    }
    master.stdout.setEncoding('utf8').on('data', show)
    master.stderr.pipe(process.stderr)
    master.once('error', (error) => fail(error.message))
    master.once('exit', (code, signal) => fail(`pm2-master.js ended with ${signal ?? code}`))
  })
}

async function main() {
  require('./build')
  const { custom: Session } = require('..')
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'rpm2-'))
  const env = { ...process.env, RPM2_HOME: home }
  const rpm2 = new Session({ pm2_home: home, cwd: article })
  try {
    console.log('\n$ rpm2 start ecosystem.config.js')
    const apps = await rpm2.start('ecosystem.config.js')
    for (const { pm2_env } of apps) console.log(`${pm2_env.name} is ${pm2_env.status} (${pm2_env.exec_mode})`)
    console.log('\n$ node -r rpm2/register pm2-master.js')
    await exchange(env)
    console.log('\nThe master sent a message to the slave and got its answer over the bus.')
  } finally {
    await rpm2.killDaemon()
    await rpm2.disconnect()
    fs.rmSync(home, { recursive: true, force: true })
  }
}

main().catch((error) => {
  console.error(`rpm2: the example failed: ${error.message}`)
  process.exitCode = 1
})
