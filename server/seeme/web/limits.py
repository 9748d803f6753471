"""Rate limits: token buckets per key and per address, bounded in memory, with the time as an argument."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from seeme.errors import SetupError, TooManyRequests

Network = IPv4Network | IPv6Network

BURST_SECONDS = 10.0
SMALLEST_BURST = 10.0
MOST_BUCKETS = 20_000


class Buckets:
    """One token bucket per name: `rate` tokens a second, at most ten seconds' worth saved up.

    Something that costs more than is there still passes when there is at least one token, and leaves a debt: so a
    batch of any size can be sent, but the next one waits until it is paid. When there are more than `most` names,
    those not seen for longest are forgotten.
    """

    def __init__(self, rate: float, most: int = MOST_BUCKETS) -> None:
        self._rate = rate
        self._burst = max(SMALLEST_BURST, rate * BURST_SECONDS)
        self._most = most
        self._levels: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, name: str, now: float, cost: float = 1.0) -> None:
        """Take `cost` tokens at the time `now` (seconds of any steady clock).

        Raises:
            TooManyRequests: when there is less than one, with the seconds until there is.
        """
        level, at = self._levels.pop(name, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._rate)
        if level >= 1.0:
            self._levels[name] = level - cost, now
            if len(self._levels) > self._most:
                del self._levels[next(iter(self._levels))]
            return
        self._levels[name] = level, now
        raise TooManyRequests(retry_after=(1.0 - level) / self._rate)

    def charge(self, name: str, cost: float) -> None:
        """Take `cost` more tokens for something already let in, such as the other items of a batch."""
        if name in self._levels:
            level, at = self._levels[name]
            self._levels[name] = level - cost, at


@lru_cache(maxsize=4096)
def address_bucket(address: str) -> str:
    """Return what an address is counted as: itself, or for IPv6 its /64, of which one subscriber has all."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed) >> 64 << 64, 64)))


def parse_networks(text: str) -> tuple[Network, ...]:
    """Return the networks of a comma separated list of addresses and CIDR blocks.

    Raises:
        SetupError: naming the part that is neither.
    """
    networks = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            networks.append(ip_network(part, strict=False))
        except ValueError:
            raise SetupError(f"SEEME_TRUSTED_PROXIES: {part!r} is neither an address nor a CIDR block") from None
    return tuple(networks)


def client_address(peer: str, forwarded: str, trusted: tuple[Network, ...]) -> str:
    """Return who sent a request: the last address of X-Forwarded-For that isn't one of our own proxies."""
    address = peer
    for hop in reversed([peer_hop.strip() for peer_hop in forwarded.split(",")] if forwarded else []):
        if not _is_in(address, trusted):
            break
        address = hop
    return address


@lru_cache(maxsize=4096)
def _is_in(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
