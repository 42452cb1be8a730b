// The way through the API server to a Service: for bodies of any size, which a caller streams over HTTP/1.1 with what is
// handed out here. The server authorizes it as `services/proxy` and cuts off the credentials before it passes the request on.
import type { KubeConfig } from "./config.ts";
import { type ObjectName, objectPath, type Resource } from "./resource.ts";

/** Where and as whom a request is sent; paths of the Service are relative to `url`. */
export type ServiceProxy = {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: {
    readonly rejectUnauthorized: boolean;
    readonly servername?: string;
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
  };
};

const services: Resource = { apiVersion: "v1", kind: "Service", plural: "services", namespaced: true };

/**
 * The way to a port of a Service. The Service sees the name `localhost` as Host: the server's own name is none that it knows.
 * Rejects where a token or certificate cannot be read; throws a `KubeError` for a name that is none.
 */
export async function serviceProxy(config: KubeConfig, service: ObjectName, port: number): Promise<ServiceProxy> {
  const { server, tls } = config;
  // "name:port" is one segment of the path; its colon is allowed there as it is.
  const path = objectPath(services, service).concat(`:${port}/proxy/`);
  const token = await config.token(false);
  const host = server.hostname.replace(/^\[|\]$/g, "");
  // The name to verify: TLS takes the Host header for it otherwise. An address has none.
  const servername = tls.serverName ?? (/^[\d.]+$|:/.test(host) ? "" : host);
  return {
    url: new URL(`${server.pathname.replace(/\/+$/, "")}${path}`, server),
    headers: { host: "localhost", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    tls: { rejectUnauthorized: tls.verify, servername, ...(server.protocol === "https:" ? await tls.files() : {}) },
  };
}
