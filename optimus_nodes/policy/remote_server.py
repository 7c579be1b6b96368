"""Answers robots over a websocket with a policy that runs here. Frames: see `remote.py`.

Each connection has a policy of its own, since a policy remembers where the joints were. There is no password: serve
only on a network you trust.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import cv2
import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from ..core.contract import PolicyContract
from ..core.errors import DeviceError, OptimusError
from ..core.values import Observation, PolicyOutput
from .remote import MAX_FRAME, VERSION, Arrays, pack, unpack


class Served(Protocol):
    """A `core.values.Policy` that knows its contract."""

    policy_id: str
    contract: PolicyContract

    def reset(self) -> None: ...

    def infer(self, observation: Observation) -> PolicyOutput: ...


def policy_server(
    load: Callable[[], Served], host: str = "127.0.0.1", port: int = 0, say: Callable[[str], None] = lambda text: None
) -> Server:
    """A server that listens already; `serve_forever()` answers until another thread calls `shutdown()`.

    Args: load: makes a policy for a connection. port: 0 for any free one. say: told who comes and goes.
    """

    def answer(link: ServerConnection) -> None:
        who = f"{link.remote_address[0]}:{link.remote_address[1]}"
        say(f"{who} has come")
        try:
            _converse(link, load())
        except ConnectionClosed:
            say(f"{who} has gone")
        except OptimusError as error:
            say(f"{who}: {error}")

    return serve(answer, host, port, max_size=MAX_FRAME, compression=None)


def _converse(link: ServerConnection, policy: Served) -> None:
    header, _ = unpack(link.recv())
    if header.get("kind") != "hello" or header.get("version") != VERSION:
        text = f"it speaks version {header.get('version')}, this server speaks {VERSION}"
        link.send(pack({"kind": "refused", "text": text}))
        raise DeviceError(text)
    about: dict[str, Any] = {"kind": "hello", "version": VERSION, "policy_id": policy.policy_id}
    link.send(pack({**about, "contract": policy.contract.to_mapping()}))
    while True:
        header, arrays = unpack(link.recv())
        try:
            began = time.monotonic()
            if header.get("begins"):
                policy.reset()
            output = policy.infer(_observation(header, arrays))
            told = {"kind": "answer", "progress": output.progress, "seconds": time.monotonic() - began}
            link.send(pack(told, {"positions": output.positions}))
        except OptimusError as error:
            link.send(pack({"kind": "refused", "text": str(error)}))


def _observation(header: dict[str, Any], arrays: Arrays) -> Observation:
    """What the robot saw. Raises DeviceError when the frame holds something else."""
    try:
        images = {name[6:]: _picture(array, header["jpeg"]) for name, array in arrays.items() if name[:6] == "image."}
        body = (arrays["position"], arrays["velocity"], arrays["tactile"])
        return Observation(float(header["stamp"]), images, *body, str(header["sentence"]))
    except (KeyError, TypeError, ValueError, cv2.error) as error:
        raise DeviceError(f"an observation cannot be read: {type(error).__name__} {error}") from error


def _picture(array: np.ndarray, jpeg: bool) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(array, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB) if jpeg else array
