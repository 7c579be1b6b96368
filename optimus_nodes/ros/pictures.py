"""A camera's topics: pictures for whoever is on this machine by shared memory, for everyone else as they are usual.

    out = PicturePublisher(node, "head", "head_optical_frame")
    out.publish(pixels, stamp)                          # only what somebody listens to is made
    PictureSubscription(node, "head", lambda picture: work(picture.pixels))

<camera>/image_raw is an ordinary sensor_msgs/Image and <camera>/image_raw/compressed a jpeg. Our own nodes are told by
the faster twin of image_raw (twin.py) where in shared memory a picture lies.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import cv2
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from ..core.errors import DeviceError
from ..core.values import ImageArray
from . import convert, qos
from .picture_ring import PictureRing, RingAddress, RingPlace, RingReader
from .twin import TwinPublisher, TwinSubscription

_PACKET = struct.Struct("<d2Q5I4x")
_LAYOUT = "picture 1: float64 stamp, uint64 token sequence, uint32 process descriptor height width slot"


class PicturePublisher:
    """Publishes the pictures of one camera, from one thread. `jpeg_quality`: of the compressed ones, 1 to 100."""

    def __init__(self, node: Node, camera: str, frame: str, jpeg_quality: int = 85) -> None:
        topic = f"{camera}/image_raw"
        self._node = node
        self._twin = TwinPublisher(node, topic, _LAYOUT)
        self._plain = node.create_publisher(Image, topic, qos.IMAGE)
        self._jpeg = node.create_publisher(CompressedImage, f"{topic}/compressed", qos.IMAGE)
        self._frame, self._quality = frame, (cv2.IMWRITE_JPEG_QUALITY, jpeg_quality)
        self._ring: PictureRing | None = None

    @property
    def wanted(self) -> bool:
        """Whether anybody listens, to any of the topics."""
        return self._twin.wanted or any(out.get_subscription_count() for out in (self._plain, self._jpeg))

    def memory(self, height: int, width: int) -> ImageArray | None:
        """Where the next picture (H, W, 3) may be made: `publish` need not copy it then. None while nobody takes it."""
        ring = self._ring_for(height, width)
        return None if ring is None else ring.begin()

    def publish(self, pixels: ImageArray, stamp: float) -> None:
        """A picture (H, W, 3) uint8 RGB taken at `stamp` s. Views such as `pixels[::-1]` need not be copied first."""
        ring = self._ring_for(*pixels.shape[:2])
        if ring is not None:
            place, where = ring.write(pixels), ring.address
            size = (ring.height, ring.width)
            found = (where.token, place.sequence, where.process, where.descriptor, *size, place.slot)
            self._twin.send(_PACKET.pack(stamp, *found))
        if self._plain.get_subscription_count():
            self._plain.publish(convert.image_to_msg(pixels, stamp, self._frame))
        if self._jpeg.get_subscription_count():
            data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), self._quality)[1]
            self._jpeg.publish(convert.compressed_to_msg(data, stamp, self._frame))

    def close(self) -> None:
        """End the link and give the shared memory back."""
        self._twin.close()
        self._forget_ring()

    def _forget_ring(self) -> None:
        if self._ring is not None:
            self._ring.close()
            self._ring = None

    def _ring_for(self, height: int, width: int) -> PictureRing | None:
        """The ring for pictures of this size, a new one when it changed; None while nobody reads there."""
        if not self._twin.wanted:
            return None
        if self._ring is None or (self._ring.height, self._ring.width) != (height, width):
            self._forget_ring()
            try:
                self._ring = PictureRing(height, width)
            except DeviceError as error:
                topic = self._plain.topic_name
                self._node.get_logger().warning(f"{topic}: {error}; the pictures go as messages from now on")
                self._twin.end()
        return self._ring


@dataclass(frozen=True, slots=True)
class Picture:
    """`pixels` (H, W, 3) uint8 RGB taken at `stamp` s. Those in shared memory are read-only and written over after
    some pictures more: who wants to keep them takes `kept()`, who is quick looks and then asks whether they were
    `whole()`."""

    stamp: float
    pixels: ImageArray
    shared: tuple[RingReader, RingPlace] | None = None

    def whole(self) -> bool:
        """Whether `pixels` are still those of this picture."""
        if self.shared is None:
            return True
        ring, place = self.shared
        return ring.whole(place)

    def kept(self) -> ImageArray | None:
        """Pixels that nobody writes over, None when that has happened already."""
        if self.shared is None:
            return self.pixels
        copy = self.pixels.copy()
        return copy if self.whole() else None


class PictureSubscription:
    """Calls `take` with each picture of a camera, and `refuse` with what is wrong about one that can't be read.

    They come one after the other, those in shared memory in a thread of their own. `all_of_them`: none is left out for
    a newer one while `take` is at work.
    """

    def __init__(
        self,
        node: Node,
        camera: str,
        take: Callable[[Picture], None],
        refuse: Callable[[DeviceError], None] | None = None,
        all_of_them: bool = False,
    ) -> None:
        self._node, self._take, self._refuse = node, take, refuse or self._say
        self._topic = f"{camera}/image_raw"
        self._ring: RingReader | None = None
        self._token: int | None = None
        told = (_LAYOUT, _PACKET.size, self._on_packet)
        self._twin = TwinSubscription(node, self._topic, *told, self._subscribe, all_of_them)

    def close(self) -> None:
        """End the thread; call it before the node is destroyed."""
        self._twin.close()

    def destroy(self) -> None:
        """End it while the node goes on. Pictures that were handed out stay what they are."""
        self._twin.destroy()

    def _subscribe(self) -> Subscription:
        return self._node.create_subscription(Image, self._topic, self._on_message, qos.IMAGE)

    def _on_packet(self, data: bytes) -> None:
        try:
            if len(data) != _PACKET.size:
                raise DeviceError(f"{len(data)} bytes do not say where a picture is, it takes {_PACKET.size}")
            stamp, token, sequence, process, descriptor, height, width, slot = _PACKET.unpack(data)
            place = RingPlace(slot, sequence)
            if token != self._token:
                self._open(RingAddress(process, descriptor, token))
            if (ring := self._ring) is None:
                return
            pixels = ring.picture(place, height, width)
        except DeviceError as error:
            self._refuse(error)
            return
        picture = Picture(stamp, pixels, (ring, place))
        if picture.whole():
            self._take(picture)

    def _open(self, address: RingAddress) -> None:
        self._token, self._ring = address.token, None
        try:
            self._ring = RingReader(address)
        except DeviceError as error:
            self._twin.out_of_reach(error)

    def _on_message(self, message: Image) -> None:
        try:
            pixels, stamp = convert.image_from_msg(message)
        except DeviceError as error:
            self._refuse(error)
            return
        self._take(Picture(stamp, pixels))

    def _say(self, error: DeviceError) -> None:
        self._node.get_logger().error(f"{self._topic}: {error}", throttle_duration_sec=5.0)
