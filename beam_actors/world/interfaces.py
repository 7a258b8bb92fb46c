"""The addresses of this machine's network interfaces, to tell people where other machines reach it."""

import ipaddress

import ifaddr


def interface_addresses() -> tuple[str, ...]:
    """The IP literals of all interfaces but loopback and link-local ones, IPv4 first; empty without a network."""
    found: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = []
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            # ifaddr gives IPv6 as (address, flow, scope); a scoped address means nothing to others.
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            ip = ipaddress.ip_address(text)
            if not (ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip in found):
                found.append(ip)
    return tuple(str(ip) for ip in sorted(found, key=lambda ip: (ip.version, int(ip))))
