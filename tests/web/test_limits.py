"""Token buckets and addresses, with the time as an argument."""

import pytest

from seeme.errors import SetupError, TooManyRequests
from seeme.web.limits import Buckets, address_bucket, client_address, parse_networks


def test_a_bucket_refills_with_time():
    """What was taken comes back at the rate."""
    buckets = Buckets(rate=2.0)
    for _ in range(20):
        buckets.take("a", 0.0)
    with pytest.raises(TooManyRequests) as caught:
        buckets.take("a", 0.0)
    assert caught.value.retry_after == pytest.approx(0.5)
    buckets.take("a", 0.5)


def test_a_bucket_never_holds_more_than_ten_seconds_worth():
    """A long silence doesn't allow a flood."""
    buckets = Buckets(rate=2.0)
    buckets.take("a", 0.0)
    for _ in range(20):
        buckets.take("a", 1e6)
    with pytest.raises(TooManyRequests):
        buckets.take("a", 1e6)


def test_names_do_not_share_a_bucket():
    """One caller's flood leaves others alone."""
    buckets = Buckets(rate=0.1)
    for _ in range(10):
        buckets.take("a", 0.0)
    buckets.take("b", 0.0)


def test_what_costs_more_than_is_there_leaves_a_debt():
    """It passes once, and is paid back before anything else passes."""
    buckets = Buckets(rate=10.0)
    buckets.take("a", 0.0)
    buckets.charge("a", 999.0)
    with pytest.raises(TooManyRequests) as caught:
        buckets.take("a", 0.0)
    assert caught.value.retry_after == pytest.approx(90.1)


def test_the_number_of_buckets_is_bounded_and_the_quietest_are_forgotten():
    """A flood of addresses costs bounded memory."""
    buckets = Buckets(rate=0.1, most=100)
    for _ in range(10):
        buckets.take("busy", 0.0)
    for number in range(1000):
        with pytest.raises(TooManyRequests):
            buckets.take("busy", 0.0)
        buckets.take(str(number), 0.0)
    assert len(buckets) <= 100


@pytest.mark.parametrize(
    ("address", "bucket"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("somewhere", "unknown"),
    ],
)
def test_an_address_is_counted_as_what_one_subscriber_has(address, bucket):
    """For IPv6 that is a /64."""
    assert address_bucket(address) == bucket


@pytest.mark.parametrize(
    ("peer", "forwarded", "sender"),
    [
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "rubbish", "rubbish"),
        ("::1", "198.51.100.1", "198.51.100.1"),
    ],
)
def test_the_sender_is_the_last_hop_that_is_not_ours(peer, forwarded, sender):
    """What stands before it anyone may have written."""
    assert client_address(peer, forwarded, parse_networks("10.0.0.0/8, ::1")) == sender


def test_a_trusted_proxy_that_is_none_is_a_clear_line():
    """A mistake in a setting is found at the start."""
    with pytest.raises(SetupError, match="TRUSTED_PROXIES"):
        parse_networks("10.0.0.0/8, localhost")
