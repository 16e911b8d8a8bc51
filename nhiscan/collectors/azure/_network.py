"""Whether anybody can reach a resource: the network rules that Azure's services have alike.

Sources: "Configure Azure Key Vault networking settings", "Configure Azure Storage firewalls and virtual networks",
"Configure IP firewall in Azure Cosmos DB", "Configure network access and firewall rules for Azure AI Search".
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import flag, listing, mapping, objects, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors._common.values import Json

# Address rules that together let in half of the internet or more leave nobody out who wants in.
_MOST = 2**31
_ADDRESSES = ("value", "ipAddressOrRange", "ipMask")


def closed(known: Json) -> bool | None:
    """False where public access is off; None where it is on, for services whose address rules are read elsewhere."""
    access = known.get("publicNetworkAccess")
    return False if access is False or (text(access) or "").lower() == "disabled" else None


def ruled(known: Json) -> bool | None:
    """The same for services whose rules have a default (`networkAcls`, `networkRuleSet` of registries).

    Open where nothing is said, as these services were before they had rules; None where a word is not known, or a
    network security perimeter decides, which is a resource of its own.
    """
    access = (text(known.get("publicNetworkAccess")) or "enabled").lower()
    if access != "enabled":
        return False if access == "disabled" else None
    rules = mapping(known.get("networkAcls") or known.get("networkRuleSet"))
    default = (text(rules.get("defaultAction")) or "allow").lower()
    if default not in {"allow", "deny"}:
        return None
    return default == "allow" or _admitted(objects(rules.get("ipRules"))) >= _MOST


def listed(known: Json) -> bool | None:
    """The same for services that are open until they have an address rule (Cosmos DB, AI Search, Event Grid)."""
    access = (text(known.get("publicNetworkAccess")) or "enabled").lower()
    if access != "enabled":
        return False if access == "disabled" else None
    lists = (known.get("ipRules"), known.get("inboundIpRules"), mapping(known.get("networkRuleSet")).get("ipRules"))
    rules = [rule for each in lists for rule in listing(each)]
    if not rules:
        return not flag(known.get("isVirtualNetworkFilterEnabled"))
    return _admitted(objects(rules)) >= _MOST


def _admitted(rules: Iterable[Json]) -> int:
    """How many IPv4 addresses the rules let in."""
    return sum(network.num_addresses for network in ipaddress.collapse_addresses(_networks(rules)))


def _networks(rules: Iterable[Json]) -> Iterator[ipaddress.IPv4Network]:
    for entry in rules:
        if (text(entry.get("action")) or "allow").lower() != "allow":
            continue
        written = next((found for name in _ADDRESSES if (found := text(entry.get(name)))), "")
        try:
            yield ipaddress.IPv4Network(written, strict=False)
        except ValueError:
            continue  # IPv6, or a word of the service's own
