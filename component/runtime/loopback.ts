/**
 * Whether a host, as in a URL or a configuration, is this machine by its very name. Nothing is resolved: names below
 * `.localhost` (RFC 6761 §6.3) are left to a resolver by some systems, and so are not among them.
 */
export function isLoopback(host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return name === 'localhost' || name === '::1' || /^127(?:\.\d{1,3}){3}$/.test(name);
}
