// Who shares an address range with whom: a /24 of IPv4, a /48 of IPv6, which is what one provider gives one customer. And
// which addresses are never counted: loopback, and the ranges that whoever runs the network trusts.
import { BlockList, isIP, isIPv6 } from "node:net";

/** Private and link-local ranges (RFC 1918, 3927, 4193, 4291, 6598): a farm's own machines and pods, never somebody on the internet. */
export const privateRanges: readonly string[] = [
  ...["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"],
  ...["fc00::/7", "fe80::/10"],
];

const loopback: readonly string[] = ["127.0.0.0/8", "::1/128"];

/** The range of an IP address, as text to compare. */
export function addressRange(ip: string): string {
  const plain = unmapped(ip);
  if (!isIPv6(plain)) return `${plain.split(".").slice(0, 3).join(".")}.0/24`;
  const [head = "", tail] = plain.split("::");
  const [left, right] = [groupsOf(head), tail === undefined ? [] : groupsOf(tail)];
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  const groups = [...left, ...zeros, ...right].slice(0, 3).map((group) => Number.parseInt(group, 16).toString(16));
  return `${groups.join(":")}::/48`;
}

/** Whether an address is not to be counted. Throws for a range that is none. */
export function trustedAddresses(ranges: readonly string[]): (ip: string) => boolean {
  const list = new BlockList();
  for (const range of [...loopback, ...ranges]) {
    const [ip = "", bits] = range.split("/");
    const family = isIPv6(ip) ? "ipv6" : "ipv4";
    list.addSubnet(ip, Number(bits ?? (family === "ipv6" ? 128 : 32)), family);
  }
  return (ip) => {
    const plain = unmapped(ip);
    return isIP(plain) !== 0 && list.check(plain, isIPv6(plain) ? "ipv6" : "ipv4");
  };
}

/** An IPv4 address that came as IPv6, without a zone. */
function unmapped(ip: string): string {
  const [plain = ""] = ip.split("%");
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1] ?? plain;
}

function groupsOf(text: string): readonly string[] {
  return text === "" ? [] : text.split(":");
}
