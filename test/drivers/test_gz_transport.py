"""Gazebo's transport between two of ours, and pictures over it."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import zmq

from optimus_nodes.core.errors import ConfigError, DeviceError
from optimus_nodes.drivers import gz_messages
from optimus_nodes.drivers.camera_sources import make_source
from optimus_nodes.drivers.gz_transport import GzTransport

pytestmark = pytest.mark.alone
LOOPBACK = "127.0.0.1"


@pytest.fixture
def pair() -> Iterator[tuple[GzTransport, GzTransport]]:
    partition = uuid.uuid4().hex
    both = GzTransport(partition, LOOPBACK), GzTransport(partition, LOOPBACK)
    yield both
    for one in both:
        one.close()


def until(condition: Callable[[], object], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_what_is_published_is_heard_whoever_came_first(pair: tuple[GzTransport, GzTransport]) -> None:
    one, other = pair
    heard: list[bytes] = []
    other.subscribe("/late", "Boolean", heard.append)
    one.advertise("/late", "Boolean")
    message = gz_messages.make("Boolean", data=True).SerializeToString()
    assert until(lambda: one.publish("/late", message) or heard)
    assert gz_messages.read("Boolean", heard[0]).data


def test_another_kind_or_partition_is_not_heard(pair: tuple[GzTransport, GzTransport]) -> None:
    one, other = pair
    heard: list[bytes] = []
    other.subscribe("/x", "Clock", heard.append)
    stranger = GzTransport(uuid.uuid4().hex, LOOPBACK)
    stranger.subscribe("/x", "Boolean", heard.append)
    one.advertise("/x", "Boolean")
    for _ in range(50):
        one.publish("/x", b"")
        time.sleep(0.01)
    stranger.close()
    assert not heard


def test_a_service_is_asked_and_its_refusal_is_an_error(pair: tuple[GzTransport, GzTransport]) -> None:
    """The other end as Gazebo's own programs do it: a ROUTER that answers at the address of the question."""
    asker, peer = pair
    context = zmq.Context()
    replier = context.socket(zmq.ROUTER)
    replier.routing_id = identity = uuid.uuid4().hex.encode()
    replier.bind(f"tcp://{LOOPBACK}:*")
    service = f"@/{asker.partition}@/create"
    kinds = {"request_type": "gz.msgs.Entity", "response_type": "gz.msgs.Boolean"}
    offer = gz_messages.make("ServicePublisher", socket_id=identity.decode(), **kinds)
    address = replier.last_endpoint.rstrip(b"\x00").decode()
    publisher = gz_messages.make("Publisher", topic=service, address=address, srv_pub=offer)
    asked: list[bytes] = []

    def answer() -> None:
        for result in (b"1", b"0"):
            _, topic, where, who, node, request, data, *_ = replier.recv_multipart()
            asked.append(data)
            back = context.socket(zmq.ROUTER)
            back.router_mandatory = 1
            back.connect(where.decode())
            time.sleep(0.1)
            reply = gz_messages.make("Boolean", data=True).SerializeToString()
            back.send_multipart([who, topic, node, request, reply, result])
            back.close(500)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    peer._tell("srv", peer._discovery(1, pub=publisher))
    time.sleep(0.1)
    question = gz_messages.make("Entity", name="box").SerializeToString()
    reply = asker.request("/create", ("Entity", "Boolean"), question)
    assert gz_messages.read("Boolean", reply).data and asked == [question]
    with pytest.raises(DeviceError, match="service /create failed"):
        asker.request("/create", ("Entity", "Boolean"), question)
    thread.join(2.0)
    context.destroy(linger=0)


def test_a_service_that_nobody_offers_is_an_error(pair: tuple[GzTransport, GzTransport]) -> None:
    with pytest.raises(DeviceError, match="no service /nothing of Entity to Boolean in partition"):
        pair[0].request("/nothing", ("Entity", "Boolean"), b"", timeout=0.3)


def test_a_camera_of_gazebo_is_a_source_of_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    partition = uuid.uuid4().hex
    monkeypatch.setenv("GZ_PARTITION", partition)
    monkeypatch.setenv("GZ_IP", LOOPBACK)
    monkeypatch.setattr("shutil.which", lambda name: None)
    source = make_source("head", "gz:optimus/head", 4, 3, 20.0, False)
    gazebo = GzTransport(partition, LOOPBACK, source._flavour.package)
    gazebo.advertise("/model/optimus/head/image", "Image")
    rgb = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    picture = gz_messages.make("Image", width=4, height=3, step=12, data=rgb.tobytes(), pixel_format_type=3)
    ended = threading.Event()

    def play() -> None:
        while not ended.is_set():
            gazebo.publish("/model/optimus/head/image", picture.SerializeToString())
            time.sleep(0.02)

    thread = threading.Thread(target=play)
    thread.start()
    try:
        source.open()
        assert source.grab()
        assert (source.retrieve() == rgb[:, :, ::-1]).all()
    finally:
        ended.set()
        thread.join()
        source.close()
        gazebo.close()


def test_a_source_that_names_no_camera_is_refused() -> None:
    with pytest.raises(ConfigError, match="source 'gz:head' must look like gz:optimus/head"):
        make_source("head", "gz:head", 4, 3, 20.0, False)
