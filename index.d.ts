// The types of rpm2, which are those of pm2's module as it really answers. Every function takes a callback or returns
// a promise. The promise form comes first in each pair, so that `util.promisify` finds the callback form.

/** A callback of pm2's. Methods, so that callbacks typed with pm2's own, wider or narrower, declarations fit. */
type Callback<Result, Failure = Error> = {
  bivarianceHack(error: Failure | null, result: Result): void
}['bivarianceHack']
type Done = { bivarianceHack(error: Error | null): void }['bivarianceHack']

/** Several things may fail at once: the callback then gets an array of errors, a promise one error with `errors`. */
export type StartFailure = Error | (Error[] & Error)

/** One process, all of a name or namespace, `all`, or `/regex/` on names. */
export type Target = string | number

export type ProcessStatus =
  | 'online'
  | 'launching'
  | 'stopping'
  | 'stopped'
  | 'errored'
  | 'one-launch-status'
  | 'waiting restart'
  /** Never used: pm2's declarations misspell `waiting restart` like this. */
  | 'waiting_restart'

/** What `connect` tells. */
export interface Connection {
  /** Whether the daemon was launched by this call. */
  new_pm2_instance: boolean
  /** Whether a daemon that is launched outlives the script. */
  daemon_mode?: boolean
  rpc_socket_file: string
  pub_socket_file: string
  /** The daemon's home directory. */
  pm2_home: string
}

/** Memory and processor use of one process. */
export interface Monit {
  /** Bytes. */
  memory?: number
  /** Percent of one processor. */
  cpu?: number
}

/** Everything the daemon knows of a process: its declaration, its state and, flat, its environment. */
export interface Pm2Env {
  name?: string
  namespace?: string
  pm_id?: number
  status?: ProcessStatus
  restart_time?: number
  unstable_restarts?: number
  /** Milliseconds since 1970 of the last start. */
  pm_uptime?: number
  /** Milliseconds since 1970 of the first start or the last restart by hand; null after too many crashes. */
  created_at?: number | null
  exit_code?: number
  exec_mode?: string
  exec_interpreter?: string
  instances?: number | 'max'
  node_args?: string[]
  args?: string[]
  pm_exec_path?: string
  pm_cwd?: string
  pm_out_log_path?: string
  pm_err_log_path?: string
  pm_pid_path?: string
  pm_log_path?: string
  version?: string
  node_version?: string
  unique_id?: string
  username?: string
  watch?: boolean | string[]
  autorestart?: boolean
  vizion?: boolean
  vizion_running?: boolean
  axm_actions?: any[]
  axm_monitor?: any
  axm_options?: any
  axm_dynamic?: any
  versioning?: any
  env?: Record<string, any>
  [variable: string]: any
}

/** A process in `list` and `describe`. */
export interface ProcessDescription {
  name?: string
  /** 0 when it does not run. */
  pid?: number
  pm_id?: number
  monit?: Monit
  pm2_env?: Pm2Env
}

/** A process in the result of a call that changed it. */
export interface Proc {
  name?: string
  namespace?: string
  pm_id?: number
  pid?: number
  status?: ProcessStatus
  restart_time?: number
  unstable_restarts?: number
  pm2_env?: Pm2Env
  process?: { pid?: number }
  vizion?: boolean
  autorestart?: boolean
  exec_mode?: string
  exec_interpreter?: string
  pm_exec_path?: string
  pm_cwd?: string
  instances?: number
  node_args?: string[]
  pm_out_log_path?: string
  pm_err_log_path?: string
  pm_pid_path?: string
  pm_uptime?: number
  axm_actions?: any[]
  axm_monitor?: any
  axm_dynamic?: any
  vizion_running?: boolean
  created_at?: number
  started_inside?: boolean
  command?: Command
  versioning?: any
  exit_code?: number
}

export interface Command {
  locked?: boolean
  metadata?: any
  started_at?: any
  finished_at?: any
  error?: any
}

/** An array, one for each process. pm2's declarations call it a single `Proc`; programs typed so still compile. */
export type Procs = Proc[] & Proc

/** How connections reach the processes of a cluster app: docs/balancing.md. */
export type LoadBalancing = 'round-robin' | 'least-connections' | 'kernel'

/** How an app is to be run. */
export interface StartOptions {
  /** The program; with spaces, a shell command. */
  script?: string
  /** Default: the script's name without extension. */
  name?: string
  /** Default: `default`. */
  namespace?: string
  /** Default: the caller's. */
  cwd?: string
  args?: string | string[]
  /** Default: by the script's extension. */
  interpreter?: string
  interpreter_args?: string | string[]
  node_args?: string | string[]
  /** Default: `fork`; `cluster` where `instances` is given for a Node program. */
  exec_mode?: string
  /** Default: 1. `max` or 0: one for each processor; negative: so many fewer. */
  instances?: number | 'max'
  /** How connections reach the processes of a cluster app. Default: `round-robin`. */
  load_balancing?: LoadBalancing
  instance_var?: string
  increment_var?: string
  env?: Record<string, any>
  /** Environments to choose from with `--env <name>`: `env_production` and so on. */
  [env_name: `env_${string}`]: Record<string, any> | undefined
  filter_env?: boolean | string | string[]
  port?: number
  output?: string
  error?: string
  out_file?: string
  error_file?: string
  log_file?: string | boolean
  log_date_format?: string
  log_type?: string
  time?: boolean
  merge_logs?: boolean
  disable_logs?: boolean
  pid?: string
  pid_file?: string
  watch?: boolean | string | string[]
  ignore_watch?: string | string[]
  watch_delay?: number
  watch_options?: any
  /** Default: true. */
  autostart?: boolean
  /** Default: true. */
  autorestart?: boolean
  stop_exit_codes?: number | number[]
  /** Milliseconds, or text such as `5s`. Default: 1000. */
  min_uptime?: number | string
  /** Default: 16. */
  max_restarts?: number
  /** Milliseconds. */
  restart_delay?: number
  /** Milliseconds. */
  exp_backoff_restart_delay?: number
  /** Bytes, or text such as `200M`. */
  max_memory_restart?: number | string
  cron?: any
  cron_restart?: string | number
  /** Wait for `process.send('ready')`. */
  wait_ready?: boolean
  /** Milliseconds. Default: 3000. */
  listen_timeout?: number
  /** Milliseconds that a replaced cluster worker has for the connections it serves. Default: 7000. */
  drain_timeout?: number
  /** Milliseconds. Default: 1600. */
  kill_timeout?: number
  shutdown_with_message?: boolean
  treekill?: boolean
  uid?: string | number
  gid?: string | number
  /** Start it although it runs already. */
  force?: boolean
  pmx?: boolean
  vizion?: boolean
  source_map_support?: any
  disable_source_map_support?: any
  execute_command?: any
  write?: any
  container?: boolean
  dist?: boolean
  image_name?: string
  node_version?: string
  fresh?: boolean
  dockerdaemon?: boolean
}

/** What may be declared: one app, several, or `apps` as in an ecosystem file. */
export type Declaration = StartOptions | StartOptions[] | { apps: StartOptions | StartOptions[] }

export interface RestartOptions {
  /** Take the caller's environment anew. */
  updateEnv?: boolean
}

export interface ReloadOptions extends RestartOptions {
  /** Processes of an app that are replaced at a time. Default: 1. */
  parallel?: number
  /** Go on although another reload seems to be under way. */
  force?: boolean
}

/** A message for an app: it gets all of it, `id` included. */
export interface Packet {
  type?: string
  /** Must be there. */
  data: any
  /** Must be truthy. */
  topic: any
  [member: string]: any
}

/** What `msgProcess` sends: by `id`, or else by `name` (a namespace, a script's file name, `all`). */
export interface MessageToProcess {
  id?: Target
  name?: string
  msg: string
  opts?: any
  [member: string]: any
}

export interface SentPacket {
  success: boolean
  data: Packet & { id: Target }
}

/** The daemon's events. In a pattern `*` matches one or more characters, handed to the listener before the payload. */
export interface Bus {
  on(pattern: string | RegExp, listener: (...args: any[]) => void): this
  once(pattern: string | RegExp, listener: (...args: any[]) => void): this
  /** Forgets the pattern's listeners, or just the one given. */
  off(pattern: string | RegExp, listener?: (...args: any[]) => void): this
  addListener(pattern: string | RegExp, listener: (...args: any[]) => void): this
  removeListener(pattern: string | RegExp, listener?: (...args: any[]) => void): this
  removeAllListeners(pattern?: string | RegExp): this
  /** Ends the subscription. */
  close(): void
}

/** What an app replied to an action. */
export interface ActionReply {
  /** Milliseconds since 1970. */
  at: number
  data: { action_name: string; return?: any; [member: string]: any }
  process: { pm_id: number; name: string; namespace?: string; rev?: string | null }
}

/** The calls below the functions: the daemon's methods, and what is listed. */
export interface Client {
  /** Calls a method of the daemon, such as `getMonitorData`. */
  executeRemote(method: string, args: any, callback: Callback<any>): void
  executeRemote(method: string, ...args: any[]): Promise<any>
  getAllProcess(): Promise<ProcessDescription[]>
  getAllProcess(callback: Callback<ProcessDescription[]>): void
  getAllProcessId(): Promise<number[]>
  getAllProcessId(callback: Callback<number[]>): void
  getAllProcessIdWithoutModules(): Promise<number[]>
  getAllProcessIdWithoutModules(callback: Callback<number[]>): void
  /** A callback also gets the processes, by number. */
  getProcessIdByName(name: string): Promise<number[]>
  getProcessIdByName(name: string, callback: NumberedCallback): void
  getProcessIdsByNamespace(namespace: string): Promise<number[]>
  getProcessIdsByNamespace(namespace: string, callback: NumberedCallback): void
  getProcessByName(name: string): Promise<ProcessDescription[]>
  getProcessByName(name: string, callback: Callback<ProcessDescription[]>): void
  getProcessByNameOrId(nameOrId: Target): Promise<ProcessDescription[]>
  getProcessByNameOrId(nameOrId: Target, callback: Callback<ProcessDescription[]>): void
}

type NumberedCallback = {
  bivarianceHack(error: Error | null, ids: number[], details: Record<string, ProcessDescription>): void
}['bivarianceHack']

/** A `Buffer`; named so that these types need no others. */
export type Text = Uint8Array & { toString(encoding?: string): string }

/** The answer of what only succeeds or fails. */
export interface Success {
  success: boolean
}

export interface StartupOptions {
  /** Who daemon and apps run as. Default: the caller. */
  user?: string
  /** That user's home folder; the daemon's home is `.rpm2` in it. */
  hp?: string
  /** Default: `rpm2-<user>`. */
  serviceName?: string
  /** Start only when the network is up. */
  waitIp?: boolean
  /** Only write the files, below this folder. */
  root?: string
}

export interface ServeOptions {
  /** Answer with index.html for what does not exist. */
  spa?: boolean
  /** List folders without an index.html. */
  ftp?: boolean
  /** User that everybody needs. */
  basic_auth_username?: string
  /** Password that everybody needs. */
  basic_auth_password?: string
  /** Monitoring by pm2.io; not supported. */
  monitor?: string
  /** Default: `static-page-server-<port>`. */
  name?: string
  /** Start it although one of that name runs already. */
  force?: boolean
  [option: string]: any
}

/** One metric of the machine. */
export interface HostMetric {
  value: number
  type: 'metric'
  unit: string
  historic: boolean
}

/** What a daemon says of itself. */
export interface DaemonReport {
  pm2_version: string
  /** Absent if it is pm2's. */
  rpm2_version?: string
  node_version: string
  argv: string[]
  uid: number
  gid: number
  env: Record<string, any>
  managed_apps: number
  /** Milliseconds since 1970. */
  started_at: number
  [member: string]: any
}

export interface StartupScript {
  /** The file. */
  destination: string
  /** Its text. */
  template: string
}

export interface RemovedStartupScript {
  commands: string[]
  platform: string
}

export interface SessionOptions {
  /** The daemon's home. Default: RPM2_HOME, else PM2_HOME, else `~/.rpm2`. */
  pm2_home?: string
  /** A new home of its own, in the folder for temporary files. Excludes `pm2_home`. */
  independent?: boolean
  /** Whether a daemon that is launched outlives the script. If not, it and its apps end with the script, and the script
   *  stays alive as long as they do. Default: true; false for independent sessions. */
  daemon_mode?: boolean
  /** What relative paths are resolved against. Default: the directory at the time of construction. */
  cwd?: string
}

/** The functions of the module, on a session of its own. */
export interface Session {
  readonly cwd: string
  readonly pm2_home: string
  /** Whether a daemon that is launched outlives the script. */
  readonly daemon_mode: boolean
  /** What pm2's functions are made of. */
  readonly Client: Client

  /** Finds the daemon or launches it. May be left out: every call does it. With `true` a daemon that is launched ends
   *  with the script. */
  connect(): Promise<Connection>
  connect(noDaemonMode: boolean): Promise<Connection>
  connect(callback: Callback<Connection>): void
  connect(noDaemonMode: boolean, callback: Callback<Connection>): void

  /** Ends the connection and every bus. Until then the script stays alive. */
  disconnect(): Promise<void>
  disconnect(callback: Done): void
  close(): Promise<void>
  close(callback: Done): void

  /** Starts apps, or restarts those whose name is there already. `script` may be an ecosystem file. */
  start(what: string | Declaration): Promise<Procs>
  start(script: string, options: StartOptions | string): Promise<Procs>
  start(script: string, options: StartOptions | string, callback: Callback<Procs, StartFailure>): void
  start(what: string | Declaration, callback: Callback<Procs, StartFailure>): void

  stop(process: Target): Promise<Procs>
  stop(process: Target, callback: Callback<Procs>): void

  restart(process: Target | Declaration, options?: RestartOptions): Promise<Procs>
  restart(process: Target | Declaration, options: RestartOptions, callback: Callback<Procs>): void
  restart(process: Target | Declaration, callback: Callback<Procs>): void

  /**
   * Replaces the processes of cluster apps one at a time, so that no client notices; each answer is that of the old
   * process. Restarts what is no cluster app. If a new process does not come up the old one stays, and this fails.
   */
  reload(process: Target | Declaration, options?: ReloadOptions): Promise<Procs>
  reload(process: Target | Declaration, options: ReloadOptions, callback: Callback<Procs>): void
  reload(process: Target | Declaration, callback: Callback<Procs>): void

  /** Stops and forgets. */
  delete(process: Target): Promise<Procs>
  delete(process: Target, callback: Callback<Procs>): void

  list(): Promise<ProcessDescription[]>
  list(callback: Callback<ProcessDescription[]>): void

  /** Empty if there is none of that name. */
  describe(process: Target): Promise<ProcessDescription[]>
  describe(process: Target, callback: Callback<ProcessDescription[]>): void

  /** Runs more or fewer processes of an app: so many in all, or `+n` or `-n`. The lowest numbers go first. */
  scale(name: string, number: number | string): Promise<Success>
  scale(name: string, number: number | string, callback: Callback<Success>): void

  /** Sets counters to zero. */
  reset(process: Target): Promise<Success>
  reset(process: Target, callback: Callback<Success>): void

  /** Saves the list for `resurrect`; an empty one only with `force`. */
  dump(force?: boolean): Promise<Success>
  dump(callback: Callback<Success>): void
  dump(force: boolean, callback: Callback<Success>): void

  /** Empties the saved list. */
  clearDump(): Promise<void>
  clearDump(callback: Done): void

  /** Starts the saved processes whose names are not listed; the result is the text of what was saved. */
  resurrect(): Promise<Text>
  resurrect(callback: Callback<Text, StartFailure>): void

  /** Empties the logs of a process; without one, all and the daemon's. */
  flush(process?: Target): Promise<ProcessDescription[]>
  flush(callback: Callback<ProcessDescription[]>): void
  flush(process: Target | undefined, callback: Callback<ProcessDescription[]>): void

  /** Closes every log file and opens it again. */
  reloadLogs(): Promise<object>
  reloadLogs(callback: Callback<object>): void

  /** Writes a line to the standard input of a fork process. `separator` ends it; default: a newline. */
  sendLineToStdin(id: Target, line: string, separator?: string): Promise<{ pm_id: Target; line: string }>
  sendLineToStdin(id: Target, line: string, callback: Callback<{ pm_id: Target; line: string }>): void
  sendLineToStdin(
    id: Target,
    line: string,
    separator: string | undefined,
    callback: Callback<{ pm_id: Target; line: string }>,
  ): void

  /** Connects this script's standard input and output with those of a process until the input ends. */
  attach(id: Target, separator?: string): Promise<void>
  attach(id: Target, callback: Done): void
  attach(id: Target, separator: string | undefined, callback: Done): void

  /** Has processes do an action that they have announced, and waits for their replies. */
  trigger(process: Target, action: string, callback: Callback<ActionReply[]>): void
  trigger(process: Target, action: string, parameters: any, callback: Callback<ActionReply[]>): void
  trigger(process: Target, action: string, parameters?: any): Promise<ActionReply[]>

  /** The same without waiting. */
  msgProcess(action: MessageToProcess): Promise<{ process_count: number; success: boolean }>
  msgProcess(action: MessageToProcess, callback: Callback<{ process_count: number; success: boolean }>): void

  /** Opens the inspector of a process. */
  inspect(process: Target): Promise<ActionReply[]>
  inspect(process: Target, callback: Callback<ActionReply[]>): void

  /** Process ids of the system; of all without a name. */
  getPID(process?: Target): Promise<number[]>
  getPID(callback: Callback<number[]>): void
  getPID(process: Target, callback: Callback<number[]>): void

  /** The numbers of the processes of a name. */
  getProcessIdByName(name: string): Promise<number[]>
  getProcessIdByName(name: string, callback: Callback<number[]>): void

  /** The environment variables of a process. */
  env(id: Target): Promise<Record<string, any>>
  env(id: Target, callback: Callback<Record<string, any>>): void

  /** The same as `list`. */
  jlist(): Promise<ProcessDescription[]>
  jlist(callback: Callback<ProcessDescription[]>): void

  /** Profiles a pm2 daemon for so many milliseconds; rpm2's own has no V8 and refuses. */
  profile(type: 'cpu' | 'mem', time?: number): Promise<{ file: string }>
  profile(type: 'cpu' | 'mem', callback: Callback<{ file: string }>): void
  profile(type: 'cpu' | 'mem', time: number, callback: Callback<{ file: string }>): void

  /** A setting; of all only that there are any. pm2 prints the value. Keys are `name` or `module:name`. */
  get(key?: string): Promise<Success & { value?: any }>
  get(callback: Callback<Success & { value?: any }>): void
  get(key: string, callback: Callback<Success & { value?: any }>): void

  /** Sets a setting; processes called like its module are restarted with it. */
  set(key: string, value: any): Promise<Success>
  set(key: string, value: any, callback: Callback<Success>): void

  /** Sets several: keys and values in turn, with spaces between them. */
  multiset(pairs: string): Promise<Success>
  multiset(pairs: string, callback: Callback<Success>): void

  /** Removes a setting. */
  unset(key: string): Promise<Success>
  unset(key: string, callback: Callback<Success>): void

  /** `set` with a value, `get` without. */
  conf(callback: Callback<Success & { value?: any }>): void
  conf(key: string, callback: Callback<Success & { value?: any }>): void
  conf(key: string, value: any, callback: Callback<Success>): void
  conf(key?: string, value?: any): Promise<Success & { value?: any }>

  /** Has the system start rpm2 with the saved processes; only for root. Default: the init system that is there. */
  startup(platform?: string, options?: StartupOptions): Promise<StartupScript>
  startup(callback: Callback<StartupScript>): void
  startup(platform: string | undefined, callback: Callback<StartupScript>): void
  startup(platform: string | undefined, options: StartupOptions, callback: Callback<StartupScript>): void

  /** Undoes `startup`; what runs goes on. */
  uninstallStartup(platform?: string, options?: StartupOptions): Promise<RemovedStartupScript>
  uninstallStartup(callback: Callback<RemovedStartupScript>): void
  uninstallStartup(platform: string | undefined, callback: Callback<RemovedStartupScript>): void
  uninstallStartup(
    platform: string | undefined,
    options: StartupOptions,
    callback: Callback<RemovedStartupScript>,
  ): void

  /** Starts an app that serves the files of a folder over HTTP; default: the current one, on port 8080. */
  serve(path?: string, port?: number | string, options?: ServeOptions): Promise<Procs>
  serve(path: string | undefined, port: number | string | undefined, callback: Callback<Procs>): void
  serve(
    path: string | undefined,
    port: number | string | undefined,
    options: ServeOptions | undefined,
    callback: Callback<Procs>,
  ): void
  /** As pm2's command calls it; `command` is not looked at. */
  serve(path: string, port: number | string, options: ServeOptions, command: any, callback: Callback<Procs>): void

  /** Installs or updates a module with npm, and starts it: now and with every daemon. `.` is the current folder. */
  install(module: string, options?: object): Promise<Procs>
  install(module: string, callback: Callback<Procs>): void
  install(module: string, options: object | undefined, callback: Callback<Procs>): void

  /** Stops and removes a module; `all` means every one. Its settings stay. */
  uninstall(module: string): Promise<void>
  uninstall(module: string, callback: Done): void

  /** What the machine has and uses, by name. */
  slist(): Promise<Record<string, HostMetric>>
  slist(callback: Callback<Record<string, HostMetric>>): void

  /** What the daemon says of itself. */
  report(): Promise<DaemonReport>
  report(callback: Callback<DaemonReport>): void

  /** Brings an app's git repository up to date and reloads the app. */
  pullAndReload(name: string): Promise<Success & { rev: string }>
  pullAndReload(name: string, callback: Callback<Success & { rev: string }>): void

  /** The same with a restart. */
  pullAndRestart(name: string): Promise<Success & { rev: string }>
  pullAndRestart(name: string, callback: Callback<Success & { rev: string }>): void

  /** The same with one commit. */
  pullCommitId(name: string, commit: string): Promise<Success & { rev: string }>
  pullCommitId(name: string, commit: string, callback: Callback<Success & { rev: string }>): void

  /** The same with the commit before. */
  backward(name: string): Promise<Success & { rev: string }>
  backward(name: string, callback: Callback<Success & { rev: string }>): void

  /** The same with the next commit that has been fetched. */
  forward(name: string): Promise<Success & { rev: string }>
  forward(name: string, callback: Callback<Success & { rev: string }>): void

  /** Always fails, as it does in pm2 7. */
  autoinstall(): Promise<never>
  autoinstall(callback: Callback<never>): void

  /** The bus of a daemon; waits for one, starts none, and connects again whenever it comes back. */
  launchBus(): Promise<Bus>
  launchBus(callback: { bivarianceHack(error: Error | null, bus: Bus, socket: any): void }['bivarianceHack']): void

  /** Sends a message to an app: its `process.on('message')` gets the packet. */
  sendDataToProcessId(id: Target, packet: Packet | object): Promise<SentPacket>
  sendDataToProcessId(packet: Packet & { id: Target }): Promise<SentPacket>
  sendDataToProcessId(id: Target, packet: Packet | object, callback: Callback<SentPacket>): void
  sendDataToProcessId(packet: Packet & { id: Target }, callback: Callback<SentPacket>): void

  sendSignalToProcessId(signal: string | number, id: Target): Promise<ProcessDescription[]>
  sendSignalToProcessId(signal: string | number, id: Target, callback: Callback<ProcessDescription[]>): void

  sendSignalToProcessName(signal: string | number, name: Target): Promise<ProcessDescription[]>
  sendSignalToProcessName(signal: string | number, name: Target, callback: Callback<ProcessDescription[]>): void

  ping(): Promise<{ msg: 'pong' }>
  ping(callback: Callback<{ msg: 'pong' }>): void

  /** The daemon's version. */
  getVersion(): Promise<string>
  getVersion(callback: Callback<string>): void

  /** Replaces the daemon by the installed version without restarting an app; does nothing if there is no daemon. */
  update(): Promise<{ success: boolean }>
  update(callback: Callback<{ success: boolean }>): void

  /** Stops every app and the daemon. */
  killDaemon(): Promise<{ success: boolean }>
  killDaemon(callback: Callback<{ success: boolean }>): void
  kill(): Promise<{ success: boolean }>
  kill(callback: Callback<{ success: boolean }>): void

  /** Stops every app and the daemon, and removes its home; refused for `.pm2` and `.rpm2`. */
  destroy(): Promise<Success>
  destroy(callback: Callback<Success>): void
}

export const Client: Session['Client']
export const custom: { new (options?: SessionOptions): Session }
export const cwd: Session['cwd']
export const pm2_home: Session['pm2_home']
export const connect: Session['connect']
export const disconnect: Session['disconnect']
export const close: Session['close']
export const start: Session['start']
export const stop: Session['stop']
export const restart: Session['restart']
export const reload: Session['reload']
declare const del: Session['delete']
// `delete` is a reserved word.
export { del as delete }
export const list: Session['list']
export const describe: Session['describe']
export const scale: Session['scale']
export const reset: Session['reset']
export const dump: Session['dump']
export const clearDump: Session['clearDump']
export const resurrect: Session['resurrect']
export const flush: Session['flush']
export const reloadLogs: Session['reloadLogs']
export const sendLineToStdin: Session['sendLineToStdin']
export const attach: Session['attach']
export const trigger: Session['trigger']
export const msgProcess: Session['msgProcess']
export const inspect: Session['inspect']
export const getPID: Session['getPID']
export const getProcessIdByName: Session['getProcessIdByName']
export const env: Session['env']
export const jlist: Session['jlist']
export const profile: Session['profile']
export const get: Session['get']
export const set: Session['set']
export const multiset: Session['multiset']
export const unset: Session['unset']
export const conf: Session['conf']
export const startup: Session['startup']
export const uninstallStartup: Session['uninstallStartup']
export const serve: Session['serve']
export const install: Session['install']
export const uninstall: Session['uninstall']
export const slist: Session['slist']
export const report: Session['report']
export const pullAndReload: Session['pullAndReload']
export const pullAndRestart: Session['pullAndRestart']
export const pullCommitId: Session['pullCommitId']
export const backward: Session['backward']
export const forward: Session['forward']
export const autoinstall: Session['autoinstall']
export const launchBus: Session['launchBus']
export const sendDataToProcessId: Session['sendDataToProcessId']
export const sendSignalToProcessId: Session['sendSignalToProcessId']
export const sendSignalToProcessName: Session['sendSignalToProcessName']
export const ping: Session['ping']
export const getVersion: Session['getVersion']
export const update: Session['update']
export const killDaemon: Session['killDaemon']
export const kill: Session['kill']
export const destroy: Session['destroy']
