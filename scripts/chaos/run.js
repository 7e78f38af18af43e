'use strict'

const { compareApps, exercise, look, startApps } = require('./apps')
const { makeBuilds } = require('./builds')
const { Churner } = require('./churner')
const { Load, sum } = require('./load')
const { Messages } = require('./messages')
const { addUp, checkLog } = require('./numbers')
const { generator } = require('./random')
const { eventually, now, sleep, within } = require('./wait')

const KEPT = { keepAlive: true, pause: 5 }
const SINGLE = { keepAlive: false, pause: 5 }

/**
 * Milliseconds from each daemon's answer to its death. Mostly over a second: the keeper holds a daemon back whose
 * forerunners died sooner than that, twice as long each time.
 */
function* lifetimes(random) {
  let short = 0
  for (;;) {
    short = random() < 0.35 && short < 3 ? short + 1 : 0
    yield short > 0 ? 5 + random() * 395 : 1000 + random() * 300
  }
}

/** Plays the whole run in `place`; what was counted. */
async function run(place, { kills, seed, progress, updates, balance }) {
  const { custom: Session } = require('../..')
  const session = new Session({ pm2_home: place.home, cwd: place.home })
  const loads = { kept: [], single: [] }
  let churner
  try {
    await session.connect()
    const bus = await session.launchBus()
    // Before the app says its first one.
    const messages = new Messages(session, bus, place.file('received'))
    const { port, logs, before } = await startApps(session, place, balance)
    messages.start([...before.values()].find(({ name }) => name === 'talker').pm_id)
    loads.kept = [0, 1, 2, 3].map(() => new Load(port, KEPT))
    loads.single = [0, 1].map(() => new Load(port, SINGLE))
    churner = new Churner(place, session, seed)
    await sleep(500)
    const end = updates ? updating(place) : () => place.killDaemon()
    const gaps = await endOften(end, session, bus, { kills, seed, progress })
    const calls = await churner.finish()
    for (const load of [...loads.kept, ...loads.single]) await load.stop()
    const apps = compareApps(before, await look(session))
    const { said, told } = await messages.finish(gaps)
    for (const name of ['writer', 'dated']) await session.sendSignalToProcessName('SIGINT', name)
    const log = addUp(await Promise.all(logs.map(ended)))
    const faults = await exercise(session, port)
    return {
      kills: gaps.length,
      updates,
      balance,
      away: Math.max(...gaps.map(({ asked, answered }) => answered - asked)),
      apps,
      log,
      said: { ...said, errors: [] },
      told: { ...told, errors: messages.errors },
      kept: sum(loads.kept),
      single: sum(loads.single),
      calls,
      faults,
    }
  } finally {
    churner?.end()
    for (const load of [...loads.kept, ...loads.single]) load.stop().catch(() => {})
    await within(15_000, session.killDaemon(), 'the end of the daemon').catch(() => {})
    await session.disconnect().catch(() => {})
  }
}

/** Updates the daemon, to another version each time. */
function updating(place) {
  const builds = makeBuilds(place)
  let count = 0
  return () => place.updateDaemon(builds[count++ % builds.length])
}

/** Ends the daemon so often; when each died and when the next was there. */
async function endOften(end, session, bus, { kills, seed, progress }) {
  const lives = lifetimes(generator(seed))
  const gaps = []
  let listening = 0
  bus.on('rpm2:daemon', () => (listening = now()))
  while (gaps.length < kills) {
    await sleep(lives.next().value)
    listening = 0
    const gap = await end()
    await within(30_000, session.ping(), 'an answer of the next daemon')
    gap.answered = now()
    gap.isHeard = await eventually(() => listening, 'rpm2:daemon', 3000).then(
      () => true,
      () => false,
    )
    gap.listening = listening || gap.answered
    gaps.push(gap)
    progress(gaps.length, gap.answered - gap.asked)
  }
  await sleep(600)
  return gaps
}

/** What is in the log of a writer, once it has said its last line. */
async function ended(log) {
  await eventually(() => checkLog(log).ended, "the writer's last line", 5000).catch(() => {})
  return checkLog(log)
}

module.exports = { run }
