"""A node of Gazebo's transport: publish, subscribe and call services without any of its libraries.

Gazebo finds its peers by UDP multicast and talks to them over ZeroMQ: wire version 10, the same from Fortress to
Jetty. Who may hear whom is decided by the partition (GZ_PARTITION, in Fortress IGN_PARTITION) and the network address
(GZ_IP, IGN_IP), as for Gazebo's own programs.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable

import zmq

from ..core.errors import DeviceError
from . import gz_messages

_GROUP = "239.255.0.7"
_PORTS = {"msg": 10317, "srv": 10318}
_WIRE = 10
_ADVERTISE, _SUBSCRIBE, _HEARTBEAT, _BYE, _NEW_CONNECTION = 1, 2, 4, 5, 6
_ALL = 2  # scope: every host
_HEARTBEAT_S = 1.0
_SETTLE_S = 0.1  # a ROUTER knows a peer only some time after it was connected to it

Heard = Callable[[bytes], None]


class GzTransport:
    """One process on Gazebo's network. Callbacks come from a thread of its own."""

    def __init__(self, partition: str = "", ip: str = "", package: str = "gz.msgs") -> None:
        """`partition`, `ip`: empty for what the environment says. `package`: of the messages' names.

        Raises: DeviceError when there is no network to find Gazebo on.
        """
        self.partition = partition or _environment("PARTITION") or f"{socket.gethostname()}:{getpass.getuser()}"
        self._ip = ip or _environment("IP") or _own_address()
        self._package = package
        self._process, self._node = str(uuid.uuid4()), str(uuid.uuid4())
        self._context = zmq.Context()
        self._pub, self._sub = self._context.socket(zmq.PUB), self._context.socket(zmq.SUB)
        self._pub.linger = self._sub.linger = 0
        self._pub.bind(f"tcp://{self._ip}:*")
        self._address = self._pub.last_endpoint.rstrip(b"\x00").decode()
        self._heard: dict[bytes, tuple[str, Heard]] = {}
        self._published: dict[str, str] = {}  # topic: kind of its messages
        self._peers: set[str] = set()
        self._services: dict[str, list[gz_messages.Any]] = {}
        self._lock, self._ended = threading.Lock(), threading.Event()
        try:
            self._sockets = {what: _multicast(self._ip, port) for what, port in _PORTS.items()}
        except OSError as error:
            self._context.destroy(linger=0)
            raise DeviceError(f"Gazebo's discovery cannot be joined at {self._ip}: {error.strerror}") from error
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="gz_transport", daemon=True)
        self._thread.start()

    def advertise(self, topic: str, kind: str) -> None:
        """Say that messages `kind` will come on `topic`; who listens needs some 0.1 s until it hears them."""
        with self._lock:
            self._published[self._full(topic)] = self._named(kind)
        self._tell("msg", self._advertisement(self._full(topic)))

    def publish(self, topic: str, message: bytes) -> None:
        """Send a serialised message on a topic that was advertised. From one thread only."""
        full = self._full(topic)
        kind = self._published[full]
        self._pub.send_multipart([full.encode(), self._address.encode(), message, kind.encode()], copy=False)

    def subscribe(self, topic: str, kind: str, heard: Heard) -> None:
        """Call `heard` with every serialised message `kind` on `topic`, whoever publishes it, now or later."""
        full = self._full(topic)
        with self._lock:
            self._heard[full.encode()] = (self._named(kind), heard)
        self._tell("msg", self._discovery(_SUBSCRIBE, sub=gz_messages.make("Subscriber", topic=full)))

    def request(self, service: str, kinds: tuple[str, str], message: bytes, timeout: float = 5.0) -> bytes:
        """The serialised answer of a service. `kinds`: of its question and of its answer.

        Raises: DeviceError when nobody offers it, or it fails.
        """
        full, end = self._full(service), time.monotonic() + timeout
        self._tell("srv", self._discovery(_SUBSCRIBE, sub=gz_messages.make("Subscriber", topic=full)))
        while (offer := self._offer(full, kinds)) is None:
            if time.monotonic() > end:
                raise DeviceError(f"no service {service} of {kinds[0]} to {kinds[1]} in partition {self.partition}")
            time.sleep(0.02)
        with contextlib.ExitStack() as stack:
            ask, answer = self._context.socket(zmq.ROUTER), self._context.socket(zmq.ROUTER)
            for one in (ask, answer):
                stack.callback(one.close, 0)
            answer.routing_id = own = str(uuid.uuid4()).encode()
            answer.bind(f"tcp://{self._ip}:*")
            ask.router_mandatory = 1
            ask.connect(offer.address)
            time.sleep(_SETTLE_S)
            frames = [offer.srv_pub.socket_id, full, answer.last_endpoint.rstrip(b"\x00"), own, self._node]
            frames += [str(uuid.uuid4()), message, *(self._named(kind) for kind in kinds)]
            ask.send_multipart([frame if isinstance(frame, bytes) else frame.encode() for frame in frames])
            if not answer.poll(max(0.0, end - time.monotonic()) * 1e3):
                raise DeviceError(f"service {service} has not answered in {timeout:g} s")
            *_, reply, done = answer.recv_multipart()
        if done != b"1":
            raise DeviceError(f"service {service} failed")
        return reply

    def close(self) -> None:
        """Say goodbye and end the thread."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._wake.send(b".")
        self._thread.join(timeout=2.0)
        for what in self._sockets:
            with contextlib.suppress(OSError):
                self._tell(what, self._discovery(_BYE))
        for one in (*self._sockets.values(), self._wake, self._woken):
            one.close()
        self._context.destroy(linger=0)

    def _run(self) -> None:
        poller = zmq.Poller()
        for one in (self._sub, self._woken, *self._sockets.values()):
            poller.register(one, zmq.POLLIN)
        beat = 0.0
        while not self._ended.is_set():
            ready = {one for one, _ in poller.poll(max(0.0, beat - time.monotonic()) * 1e3)}
            if self._sub in ready:
                self._take_messages()
            for what, one in self._sockets.items():
                if one.fileno() in ready:
                    self._take_discovery(what, one.recv(65536))
            if self._woken.fileno() in ready:
                self._woken.recv(64)
            if time.monotonic() >= beat:
                beat = time.monotonic() + _HEARTBEAT_S
                self._beat()
        self._sub.close(0)

    def _take_messages(self) -> None:
        with contextlib.suppress(zmq.Again):
            while not self._ended.is_set():
                topic, _, data, kind, *_ = self._sub.recv_multipart(zmq.NOBLOCK)
                wanted, heard = self._heard.get(topic, ("", None))
                if heard is not None and kind.decode() == wanted:
                    heard(data)

    def _take_discovery(self, what: str, datagram: bytes) -> None:
        if len(datagram) < 2 or struct.unpack_from("<H", datagram)[0] != len(datagram) - 2:
            return
        try:
            message = gz_messages.read("Discovery", datagram[2:])
        except gz_messages.DecodeError:  # whatever is said there by others
            return
        if message.version != _WIRE or message.process_uuid == self._process:
            return
        if message.type == _SUBSCRIBE and what == "msg" and message.sub.topic in self._published:
            self._tell("msg", self._advertisement(message.sub.topic))
        elif message.type == _ADVERTISE and what == "srv":
            with self._lock:
                known = self._services.setdefault(message.pub.topic, [])
                known[:] = [one for one in known if one.address != message.pub.address] + [message.pub]
        elif message.type == _ADVERTISE:
            self._connect(message.pub)

    def _connect(self, peer: gz_messages.Any) -> None:
        """Listen to a publisher of what is wanted here, and tell it so, each time: it sends nothing to nobody."""
        wanted = self._heard.get(peer.topic.encode())
        if wanted is None or wanted[0] != peer.msg_pub.msg_type:
            return
        if peer.address not in self._peers:
            self._peers.add(peer.address)
            self._sub.connect(peer.address)
        self._sub.subscribe(peer.topic)
        own = gz_messages.make("Publisher")
        own.CopyFrom(peer)
        own.process_uuid, own.node_uuid, own.msg_pub.ctrl = self._process, self._node, peer.process_uuid
        self._tell("msg", self._discovery(_NEW_CONNECTION, pub=own))

    def _beat(self) -> None:
        for what in self._sockets:
            self._tell(what, self._discovery(_HEARTBEAT))
        for topic in list(self._published):
            self._tell("msg", self._advertisement(topic))

    def _offer(self, full: str, kinds: tuple[str, str]) -> gz_messages.Any | None:
        with self._lock:
            for one in self._services.get(full, []):
                if (one.srv_pub.request_type, one.srv_pub.response_type) == tuple(map(self._named, kinds)):
                    return one
        return None

    def _advertisement(self, full: str) -> gz_messages.Any:
        kind = gz_messages.make("MessagePublisher", msg_type=self._published[full])
        own = {"address": self._address, "process_uuid": self._process, "node_uuid": self._node, "scope": _ALL}
        return self._discovery(_ADVERTISE, pub=gz_messages.make("Publisher", topic=full, msg_pub=kind, **own))

    def _discovery(self, kind: int, **content: gz_messages.Any) -> gz_messages.Any:
        return gz_messages.make("Discovery", version=_WIRE, process_uuid=self._process, type=kind, **content)

    def _tell(self, what: str, message: gz_messages.Any) -> None:
        data = message.SerializeToString()
        self._sockets[what].sendto(struct.pack("<H", len(data)) + data, (_GROUP, _PORTS[what]))

    def _full(self, name: str) -> str:
        return f"@/{self.partition.strip('/')}@/{name.strip('/')}"

    def _named(self, kind: str) -> str:
        return f"{self._package}.{kind}"


def _environment(name: str) -> str:
    return os.environ.get(f"GZ_{name}", "") or os.environ.get(f"IGN_{name}", "")


def _own_address() -> str:
    """The address that other machines would reach this one at, loopback when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_GROUP, _PORTS["msg"]))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def _multicast(ip: str, port: int) -> socket.socket:
    """A socket that hears and tells the discovery group, at the interface that has `ip`."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(("", port))
        own = socket.inet_aton(ip)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(_GROUP) + own)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
    except OSError:
        made.close()
        raise
    return made
