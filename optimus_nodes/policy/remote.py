"""A policy that runs on another machine, over a websocket: the client, and the frames both sides exchange.

A frame is binary: the length of the header (4 bytes, little endian), the header as JSON, and the arrays it lists one
after the other. The client greets with its robot, the server with the contract of its policy; what does not fit is
refused with every name that differs. Pictures are shrunk to the network's sizes before they are sent.
"""

from __future__ import annotations

import json
import struct
import time
from contextlib import ExitStack
from typing import Any

import cv2
import numpy as np
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from ..core.backoff import Backoff
from ..core.contract import PolicyContract, contract_from_mapping, require_fit, robot_differences
from ..core.errors import ContractError, DeviceError
from ..core.robot import RobotSpec
from ..core.timing import Delays
from ..core.values import Observation, PolicyOutput
from .preprocess import shrink

VERSION = 1
MAX_FRAME = 4_000_000  # bytes
_BACKOFF = Backoff(first_s=0.2, longest_s=5.0, healthy_s=5.0)

Arrays = dict[str, np.ndarray]


def pack(header: dict[str, Any], arrays: Arrays | None = None) -> bytes:
    """One frame."""
    arrays = {name: np.ascontiguousarray(array) for name, array in (arrays or {}).items()}
    header = {**header, "arrays": [[name, array.dtype.str, array.shape] for name, array in arrays.items()]}
    text = json.dumps(header).encode()
    return b"".join((struct.pack("<I", len(text)), text, *(array.tobytes() for array in arrays.values())))


def unpack(frame: bytes | str) -> tuple[dict[str, Any], Arrays]:
    """Header and arrays of a frame. Raises DeviceError when it is none."""
    try:
        assert isinstance(frame, bytes)
        (length,) = struct.unpack_from("<I", frame)
        header, at, arrays = json.loads(frame[4 : 4 + length]), 4 + length, {}
        for name, kind, shape in header["arrays"]:
            count = int(np.prod(shape))
            array = np.frombuffer(frame, np.dtype(kind), count, at).reshape(shape)
            arrays[name], at = array, at + array.nbytes
        if at != len(frame):
            raise ValueError(f"{len(frame) - at} bytes too many")
        return header, arrays
    except (AssertionError, struct.error, ValueError, KeyError, TypeError) as error:
        raise DeviceError(f"a frame that no policy's server or client of version {VERSION} sends: {error}") from error


class RemotePolicy:
    """A `core.values.Policy` whose `infer` is answered at `address`, ws://HOST:PORT.

    Without a link `infer` raises DeviceError at once and tries to connect again, ever less often; whoever called goes
    without a chunk and the robot holds. Args: timeout: s to wait for an answer. jpeg: quality of pictures, 0: raw.
    """

    def __init__(self, address: str, robot: RobotSpec, *, jpeg: int = 0, timeout: float = 3.0) -> None:
        self._address, self._robot, self._jpeg, self._timeout = address, robot, jpeg, timeout
        self._backoff, self._try_at, self._since = _BACKOFF, 0.0, 0.0
        self._link: ClientConnection | None = None
        self._open = ExitStack()
        self._contract: PolicyContract | None = None
        self._begins = True
        self.round_trip, self.compute = Delays(1024), Delays(1024)
        self.policy_id, self.step_dt = "", 0.05
        self._connect()

    @property
    def contract(self) -> PolicyContract:
        """What the policy at the other end was made for."""
        assert self._contract is not None
        return self._contract

    def reset(self) -> None:
        """The next observation begins anew."""
        self._begins = True

    def infer(self, observation: Observation) -> PolicyOutput:
        """Ask the other end. Raises DeviceError while there is no link, ContractError for what the policy refuses."""
        if self._link is None:
            self._connect_again()
        began = time.monotonic()
        header, arrays = self._exchange(self._question(observation))
        self.round_trip.add(time.monotonic() - began)
        self.compute.add(float(header.get("seconds", 0.0)))
        self._begins = False
        return PolicyOutput(arrays["positions"].copy(), float(header["progress"]))

    def close(self) -> None:
        """End the connection."""
        self._open.close()
        self._link = None

    def _question(self, seen: Observation) -> bytes:
        arrays: Arrays = {"position": seen.position, "velocity": seen.velocity, "tactile": seen.tactile}
        for name, height, width in self.contract.cameras:
            if name not in seen.images:
                raise ContractError(
                    f"an observation has the cameras {sorted(seen.images)}; policy {self.policy_id} needs {name!r}"
                )
            picture = shrink(seen.images[name], height, width)
            if self._jpeg:
                quality = [cv2.IMWRITE_JPEG_QUALITY, self._jpeg]
                picture = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), quality)[1]
            arrays[f"image.{name}"] = picture
        given = {"kind": "observe", "stamp": seen.stamp, "sentence": seen.sentence, "begins": self._begins}
        return pack({**given, "jpeg": bool(self._jpeg)}, arrays)

    def _exchange(self, frame: bytes) -> tuple[dict[str, Any], Arrays]:
        assert self._link is not None
        try:
            self._link.send(frame)
            header, arrays = unpack(self._link.recv(self._timeout))
        except (OSError, TimeoutError, WebSocketException, DeviceError) as error:
            raise self._lost(error) from error
        if header.get("kind") == "refused":
            raise ContractError(f"the policy at {self._address} refuses: {header.get('text')}")
        return header, arrays

    def _lost(self, error: Exception) -> DeviceError:
        self.close()
        now = time.monotonic()
        self._backoff = self._backoff.after_failure(now - self._since)
        self._try_at, self._begins = now + self._backoff.wait_s, True
        return DeviceError(f"no answer from the policy at {self._address}: {str(error) or type(error).__name__}")

    def _connect_again(self) -> None:
        left = self._try_at - time.monotonic()
        if left > 0.0:
            raise DeviceError(f"no link to the policy at {self._address}; next try in {left:.1f} s")
        self._connect()

    def _connect(self) -> None:
        self._since = time.monotonic()
        try:
            with ExitStack() as opened:
                link = connect(self._address, open_timeout=self._timeout, max_size=MAX_FRAME, compression=None)
                self._link = opened.enter_context(link)
                self._open = opened.pop_all()
        except (OSError, TimeoutError, WebSocketException) as error:
            raise self._lost(error) from error
        header, _ = self._exchange(pack({"kind": "hello", "version": VERSION, "robot": self._robot.name}))
        if header.get("version") != VERSION:
            self.close()
            raise ContractError(f"{self._address} speaks version {header.get('version')}; this robot speaks {VERSION}")
        contract = contract_from_mapping(header["contract"], self._address)
        theirs = f"policy {header['policy_id']} at {self._address}"
        differences = robot_differences(contract, self._robot, theirs)
        if self._contract is not None and contract != self._contract:
            differences.append(f"{theirs} has another contract than before the link was lost; start vla_node again")
        if differences:
            self.close()
            require_fit(differences, f"{theirs} does not fit robot {self._robot.name}")
        self._contract, self.policy_id, self.step_dt = contract, str(header["policy_id"]), contract.step_dt
