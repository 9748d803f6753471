"""The network of faults fails as it is told, and else passes everything on."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from faults import Fault, Network, between
from outside import Origin

BODY = json.dumps({"id": "a", "model_id": "m"})


@pytest.fixture
def network(service: Origin) -> Iterator[Network]:
    """A network before a service whose answers are programmed."""
    address = urlsplit(service.address)
    with between(str(address.hostname), int(address.port or 0)) as network:
        yield network


def send(network: Network, method: str = "POST") -> http.client.HTTPResponse:
    """Send feedback, or something else, on a connection of its own."""
    address = urlsplit(network.address)
    with closing(http.client.HTTPConnection(str(address.hostname), address.port, timeout=5)) as connection:
        body = BODY if method == "POST" else None
        connection.request(method, "/v1/feedback?x=1", body, {"Authorization": "Bearer k"})
        response = connection.getresponse()
        response.read()
    return response


def test_without_a_fault_everything_passes(network: Network, service: Origin) -> None:
    """Method, path, headers and body reach the service, and its answer comes back."""
    response = send(network)
    assert response.status == 201
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert send(network, "OPTIONS").status == 204
    post, preflight = service.requests
    assert (post.method, post.path, post.headers["authorization"]) == ("POST", "/v1/feedback?x=1", "Bearer k")
    assert post.body == {"id": "a", "model_id": "m"}
    assert preflight.method == "OPTIONS"
    assert network.posts == [["a"]]


@pytest.mark.parametrize("fault", ["429", "503", "401"])
def test_a_refusal_comes_from_before_the_service(network: Network, service: Origin, fault: Fault) -> None:
    """With a time to wait where the service names one too; preflights pass, or no page could read it."""
    network.fault = fault
    response = send(network)
    assert response.status == int(fault)
    assert response.headers["Retry-After"] == (None if fault == "401" else "1")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert service.of("POST") == []
    assert send(network, "OPTIONS").status == 204


@pytest.mark.parametrize(("fault", "arrived"), [("cut before", 0), ("cut after", 1), ("away", 0)])
def test_a_cut_connection_has_no_answer(network: Network, service: Origin, fault: Fault, arrived: int) -> None:
    """Whether the service has stored it can't be known from here."""
    network.fault = fault
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        send(network)
    assert len(service.of("POST")) == arrived
    network.fault = "none"
    assert send(network).status == 201


@pytest.mark.parametrize(("fault", "arrived"), [("hang before", 0), ("hang after", 1)])
def test_a_hanging_request_ends_when_the_fault_does(
    network: Network, service: Origin, fault: Fault, arrived: int
) -> None:
    """Until then there is no answer and no end, and after it a cut."""
    network.fault = fault
    ended: list[BaseException] = []

    def hang() -> None:
        try:
            send(network)
        except (ConnectionError, http.client.HTTPException) as error:
            ended.append(error)

    sender = threading.Thread(target=hang)
    sender.start()
    wait_for(lambda: network.posts == [["a"]])
    sender.join(0.3)
    assert sender.is_alive()
    network.fault = "none"
    sender.join(5)
    assert len(ended) == 1
    assert len(service.of("POST")) == arrived


def test_slow_is_late_and_whole(network: Network) -> None:
    """The answer comes, but not soon."""
    network.fault = "slow"
    began = time.monotonic()
    assert send(network).status == 201
    assert time.monotonic() - began >= 0.2


def wait_for(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    until = time.monotonic() + 5
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)
