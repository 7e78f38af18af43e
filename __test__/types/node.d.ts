// Just what the type tests need of Node: our types need nothing of it.
declare module 'node:util' {
  export function promisify<T>(fn: (callback: (error: any, result: T) => void) => void): () => Promise<T>
}
