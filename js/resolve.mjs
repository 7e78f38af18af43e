// The hook of register.js for Node without `module.registerHooks`: runs in a thread of its own.

let target

export function initialize({ url }) {
  target = url
}

export function resolve(specifier, context, next) {
  return specifier === 'pm2' ? { url: target, format: 'module', shortCircuit: true } : next(specifier, context)
}
