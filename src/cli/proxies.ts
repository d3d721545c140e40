import http from 'node:http';

/** Proxies as the environment names them, as curl takes them; never for a shop on this machine. */
export function useProxies(): void {
  const own = '127.0.0.1,localhost,::1';
  const given = process.env.no_proxy ?? process.env.NO_PROXY;
  http.setGlobalProxyFromEnv({ ...process.env, no_proxy: given ? `${given},${own}` : own });
}
