// The import rules of ARCHITECTURE.md. Imports go one way:
//   runtime, directory ← calendar, subscription ← presence ← xmpp ← gateway ← adapters/cli
const component = (rooms) => `^component/(${rooms})`;
const forbid = (name, from, to, comment) => ({ name, severity: 'error', comment, from, to });

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    forbid('no-cycles', {}, { circular: true }, 'A cycle means two rooms are one.'),
    forbid(
      'component-knows-no-outside',
      { path: '^component/' },
      { path: '^(adapters|config|test)/' },
      'The domain is handed its ports.',
    ),
    forbid(
      'runtime-is-the-ground',
      { path: component('runtime/') },
      { path: '^component/', pathNot: component('runtime/') },
      'Everything stands on runtime.',
    ),
    forbid(
      'directory-stands-on-runtime',
      { path: component('directory/') },
      { path: '^component/', pathNot: component('(directory|runtime)/') },
      '',
    ),
    forbid(
      'calendar-stands-on-directory',
      { path: component('calendar/') },
      { path: '^component/', pathNot: component('(calendar|directory|runtime)/') },
      '',
    ),
    forbid(
      'subscription-stands-on-directory',
      { path: component('subscription/') },
      { path: '^component/', pathNot: component('(subscription|directory|runtime)/') },
      '',
    ),
    forbid('presence-knows-no-stanza', { path: component('presence/') }, { path: component('(xmpp/|gateway)') }, ''),
    forbid('xmpp-knows-no-gateway', { path: component('xmpp/') }, { path: component('gateway') }, ''),
    forbid(
      'component-npm',
      { path: '^component/' },
      { dependencyTypes: ['npm'], pathNot: 'node_modules/(lru-cache|@xmpp|ltx)/' },
      'Within component/ only lru-cache and @xmpp.',
    ),
    forbid(
      'xmpp-packages-at-the-wire',
      { path: '^component/', pathNot: component('xmpp/') },
      { path: 'node_modules/(@xmpp|ltx)/' },
      '',
    ),
    forbid(
      'component-does-no-io',
      { path: '^component/', pathNot: component('xmpp/') },
      { dependencyTypes: ['core'], pathNot: '^(events|crypto)$' },
      '',
    ),
    forbid(
      'adapters-are-strangers',
      { path: '^adapters/([^/]+)/', pathNot: '^adapters/cli/' },
      { path: '^adapters/', pathNot: '^adapters/$1/' },
      '',
    ),
    forbid(
      'adapters-know-no-wire',
      { path: '^adapters/', pathNot: '^adapters/cli/' },
      { path: '^component/xmpp/' },
      '',
    ),
    forbid(
      'configuration-is-read-at-the-edge',
      { path: '^adapters/', pathNot: '^adapters/(cli|console)/' },
      { path: '^config/' },
      '',
    ),
    forbid('product-needs-no-tests', { path: '^(component|adapters|config)/' }, { path: '^test/' }, ''),
    forbid(
      'no-development-packages',
      { path: '^(component|adapters|config)/' },
      { dependencyTypes: ['npm-dev', 'npm-unknown', 'unknown', 'undetermined'] },
      '',
    ),
    forbid('resolvable', {}, { couldNotResolve: true }, ''),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
