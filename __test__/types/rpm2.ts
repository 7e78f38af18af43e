// What our types add to pm2's: promises, exact results, sessions.
import rpm2, { type Bus, type Connection, type ProcessDescription, type Session, type StartOptions, custom, list } from 'rpm2'
import { promisify } from 'node:util'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(yes: Same<A, B>) => yes

export async function main() {
  const connection = await rpm2.connect()
  same<typeof connection, Connection>(true)
  const processes = await list()
  same<typeof processes, ProcessDescription[]>(true)
  same<Awaited<ReturnType<typeof promised>>, ProcessDescription[]>(true)
  const started = await rpm2.start({ apps: [{ script: 'a.js', env_production: { A: 1 } }] })
  started.map((app) => app.pm_id)
  const balanced: StartOptions = { script: 'a.js', load_balancing: 'kernel' }
  // @ts-expect-error
  balanced.load_balancing = 'random'
  rpm2.start({ script: 'a.js' }, (error, apps) => {
    if (Array.isArray(error)) error.map(({ message }) => message)
    apps.length.toFixed()
  })
  const bus: Bus = await rpm2.launchBus()
  bus.on('log:*', (stream: string, packet) => packet.data).off('log:*')
  const sent = await rpm2.sendDataToProcessId('0', { data: 1, topic: true })
  sent.data.id
  const numbers = await rpm2.Client.getProcessIdByName('a')
  same<typeof numbers, number[]>(true)
  rpm2.Client.executeRemote('getMonitorData', {}, (error, list) => list)
  rpm2.Client.getProcessIdByName('a', (error, ids, details) => details[ids[0]].name)
  const replies = await rpm2.trigger('a', 'hello', { a: 1 })
  replies[0].data.return
  rpm2.trigger(0, 'hello', (error, replies) => replies[0].process.pm_id)
  const scaled = await rpm2.scale('a', '+1')
  same<typeof scaled.success, boolean>(true)
  const text: string = (await rpm2.resurrect()).toString('utf8')
  rpm2.dump((error, { success }) => success || text)
  rpm2.dump(true, (error) => error)
  rpm2.flush('a', (error, [first]) => first.pm2_env?.status)
  rpm2.flush(undefined, (error) => error)
  rpm2.sendLineToStdin(0, 'line', (error, { line }) => line)
  rpm2.getPID('a', (error, [pid]) => pid.toFixed())
  const variables: Record<string, any> = await rpm2.env(0)
  await rpm2.msgProcess({ name: 'all', msg: 'go', opts: variables })
  await rpm2.set('module:key', 5)
  const value: unknown = (await rpm2.get('module:key')).value
  rpm2.get((error, { success }) => success)
  rpm2.conf('key', value, (error, { success }) => success)
  const { template } = await rpm2.startup('systemd', { user: 'www', waitIp: true })
  same<typeof template, string>(true)
  rpm2.uninstallStartup('systemd', {}, (error, { commands }) => commands.length)
  const served = await rpm2.serve('public', 8080, { spa: true, basic_auth_username: 'me', basic_auth_password: 'x' })
  served.map((app) => app.pm_id)
  const cpu: number = (await rpm2.slist())['CPU Usage'].value
  const { rev } = await rpm2.pullAndReload('a')
  rpm2.pullCommitId('a', rev, (error, { success }) => success && cpu)
  const { managed_apps, rpm2_version } = await rpm2.report()
  managed_apps.toFixed() + rpm2_version?.length
  // @ts-expect-error an action has a name
  await rpm2.trigger('a')
  const session: Session = new custom({ pm2_home: '/tmp/home' })
  const isDaemon: boolean = session.daemon_mode || (await session.destroy()).success
  await new custom({ independent: true, daemon_mode: isDaemon }).kill()
  await session.kill()
  await session.disconnect()
  // @ts-expect-error a number is not a declaration
  await rpm2.start(7)
  // @ts-expect-error a declaration's attributes have types
  await rpm2.start({ script: 'a.js', max_restarts: 'often' })
}
const promised = promisify(list)
