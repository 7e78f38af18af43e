'use strict'

/** Requests lost with the daemon, at most: fewer than one in twenty kills. */
const allowedFailures = (kills) => Math.max(1, Math.ceil(kills / 20) - 1)

/** Everything that was required and is not so. */
function faultsOf(result) {
  const { kills, updates, balance, apps, log, said, told, kept, single, calls, faults } = result
  const wrong = [...faults]
  const must = (holds, what) => holds || wrong.push(what)
  if (updates) wrong.push(...faultsOfUpdates(result))
  must(apps.restarts === 0 && apps.gone === 0 && apps.offline === 0, 'an app was restarted or is not online')
  must(apps.pids === 0, 'an app has another pid')
  must(log.ended && log.lost.length === 0, 'log lines were lost')
  must(log.duplicated.length === 0, 'log lines came twice')
  must(log.broken === 0 && log.isOrdered, 'log lines are broken or not in order')
  for (const [way, result] of [['from the app', said], ['to the app', told]]) {
    must(result.inGap === 0, `messages ${way} were lost that were sent while there was no daemon`)
    must(result.unexplained === 0, `messages ${way} were lost although no daemon was killed then`)
    must(result.errors.length === 0, `messages ${way} were refused: ${result.errors[0]}`)
  }
  must(kept.failures.length === 0, 'requests failed on connections that the apps hold')
  // In kernel mode they are never in the daemon's hands while the app runs.
  const allowed = balance === 'kernel' ? 0 : allowedFailures(kills)
  must(single.failures.length <= allowed, `more than ${allowed} new connections failed`)
  must(calls.refused.length === 0, `calls failed in another way than RPM2_DAEMON_LOST: ${calls.refused.slice(0, 3)}`)
  // A lost call that takes effect late is met once or twice, not again and again.
  must(calls.settling.length <= 2 * calls.lost, `calls are refused for long: ${calls.settling.slice(-3)}`)
  must(calls.stuck === 0, 'processes are stuck between states')
  must(calls.double === 0, 'a name was started twice')
  must(calls.dead === 0, 'a process is called online and does not run')
  must(calls.orphans === 0 && calls.left === 0, 'started processes run that nobody knows of')
  return wrong
}

/** A daemon that leaves to another version loses nothing, whatever was in its memory. */
function faultsOfUpdates({ said, told, single, calls }) {
  const wrong = []
  const must = (holds, what) => holds || wrong.push(what)
  for (const [way, { lost, duplicated }] of [['from the app', said], ['to the app', told]]) {
    must(lost.length === 0, `messages ${way} were lost in an update`)
    must(duplicated.length === 0, `messages ${way} came twice`)
  }
  must(single.failures.length === 0, 'new connections failed')
  must(calls.lost === 0 && told.unanswered === 0, 'calls were lost')
  return wrong
}

/** What was counted, as a table. */
function table(result) {
  const { kills, updates, balance, away, apps, log, said, told, kept, single, calls } = result
  const { stuck, double, dead, refused } = calls
  const lines = `${log.count} written, ${log.lost.length} lost, ${log.duplicated.length} double, ${log.broken} broken`
  const reasons = (failures) => {
    const counts = new Map()
    for (const { reason } of failures) counts.set(reason, (counts.get(reason) ?? 0) + 1)
    return [...counts].map(([reason, count]) => `${count} ${reason}`).join(', ') || '-'
  }
  const http = ({ requests, failures, slowest }) =>
    `${requests} sent, ${failures.length} failed (${reasons(failures)}), slowest ${slowest.toFixed(0)} ms`
  const lost = ({ lost, duplicated, inGap, unexplained }) =>
    `${lost.length} lost (${inGap} while no daemon ran, ${unexplained} unexplained), ${duplicated.length} double`
  const rows = [
    [updates ? 'daemon updated' : 'daemon killed', `${kills} times, away for at most ${away.toFixed(0)} ms`],
    ['connections by', balance],
    ['app restarts', apps.restarts],
    ['app pids changed', apps.pids],
    ['log lines', lines],
    ['messages from the app', `${said.count} sent, ${lost(said)}`],
    ['messages to the app', `${told.count} sent, ${told.unanswered} calls lost, of the others ${lost(told)}`],
    ['requests, kept connections', http(kept)],
    ['requests, new connections', http(single)],
    ['calls meanwhile', `${calls.calls} made, ${calls.lost} lost with the daemon, ${refused.length} failed otherwise`],
    ['', `${calls.settling.length} refused as a lost one took effect; ${calls.starts} app processes started`],
    ['processes in the end', `${stuck} stuck, ${double} double, ${dead} dead, ${calls.orphans + calls.left} orphans`],
    ['apps stop, restart, go', result.faults.length === 0 ? 'yes' : result.faults.join('; ')],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')
}

module.exports = { faultsOf, table }
