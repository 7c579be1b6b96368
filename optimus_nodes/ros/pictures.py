"""A camera's topics: pictures for whoever is on this machine by shared memory, for everyone else as they are usual.

    out = PicturePublisher(node, "head", "head_optical_frame")
    out.publish(pixels, stamp)                          # only what somebody listens to is made
    PictureSubscription(node, "head", lambda picture: work(picture.pixels))

<camera>/image_raw is an ordinary sensor_msgs/Image and <camera>/image_raw/compressed a jpeg. A subscription here takes
<camera>/image_raw/shared instead wherever it can be had, and the ordinary topic from any other publisher: a driver of
another package, a bag that is played, a camera on another machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
from optimus_humanoid.msg import SharedImage
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.serialization import serialize_message
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from ..core.errors import DeviceError
from ..core.values import ImageArray
from . import convert, qos, raw
from .picture_ring import PictureRing, RingAddress, RingPlace, RingReader
from .ways import LOOK_ROUND_S, Ways


def _topics(camera: str) -> tuple[str, str, str]:
    plain = f"{camera}/image_raw"
    return plain, f"{plain}/shared", f"{plain}/compressed"


class PicturePublisher:
    """Publishes the pictures of one camera, from one thread. `jpeg_quality`: of the compressed ones, 1 to 100."""

    def __init__(self, node: Node, camera: str, frame: str, jpeg_quality: int = 85) -> None:
        plain, shared, compressed = _topics(camera)
        self._node = node
        # the shared one first: who finds the plain one knows then that there is a better way
        self._shared: Publisher | None = node.create_publisher(SharedImage, shared, qos.IMAGE)
        self._plain = node.create_publisher(Image, plain, qos.IMAGE)
        self._jpeg = node.create_publisher(CompressedImage, compressed, qos.IMAGE)
        self._frame, self._quality = frame, (cv2.IMWRITE_JPEG_QUALITY, jpeg_quality)
        self._ring: PictureRing | None = None
        self._shape: tuple[int, ...] = (0, 0, 3)
        self._message = bytearray()

    @property
    def wanted(self) -> bool:
        """Whether anybody listens, to any of the topics."""
        outputs = (self._shared, self._plain, self._jpeg)
        return any(out is not None and out.get_subscription_count() for out in outputs)

    def publish(self, pixels: ImageArray, stamp: float) -> None:
        """A picture (H, W, 3) uint8 RGB taken at `stamp` s. Views such as `pixels[::-1]` need not be copied first."""
        if self._shared is not None and self._shared.get_subscription_count():
            self._share(self._shared, pixels, stamp)
        if self._plain.get_subscription_count():
            self._plain.publish(convert.image_to_msg(pixels, stamp, self._frame))
        if self._jpeg.get_subscription_count():
            data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), self._quality)[1]
            self._jpeg.publish(convert.compressed_to_msg(data, stamp, self._frame))

    def close(self) -> None:
        """Give the shared memory back."""
        if self._ring is not None:
            self._ring.close()
            self._ring = None

    def _share(self, out: Publisher, pixels: ImageArray, stamp: float) -> None:
        try:
            place = self._ring_for(pixels).write(pixels)
        except DeviceError as error:
            self._node.get_logger().warning(f"{out.topic_name}: {error}; the pictures go as messages from now on")
            self._node.destroy_publisher(out)
            self._shared = None
            return
        raw.put_stamp(self._message, stamp)
        raw.put_place(self._message, place)
        out.publish(bytes(self._message))

    def _ring_for(self, pixels: ImageArray) -> PictureRing:
        """The ring for pictures of this size; a new one when it changed."""
        if self._ring is not None and pixels.shape == self._shape:
            return self._ring
        self.close()
        height, width, _ = self._shape = pixels.shape
        self._ring = PictureRing(height, width)
        where = self._ring.address
        message = SharedImage(header=convert.header(0.0, self._frame), height=height, width=width)
        message.machine, message.token = where.machine, where.token
        message.process, message.descriptor = where.process, where.descriptor
        self._message = bytearray(serialize_message(message))
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
    """Calls `take` with each picture of a camera, and `refuse` with what is wrong about one that can't be read."""

    def __init__(
        self,
        node: Node,
        camera: str,
        take: Callable[[Picture], None],
        refuse: Callable[[DeviceError], None] | None = None,
    ) -> None:
        self._node, self._take, self._refuse = node, take, refuse or self._say
        self._topic, shared, _ = _topics(camera)
        self._name = node.resolve_topic_name(self._topic)
        self._ways = Ways(node, self._name, node.resolve_topic_name(shared))
        self._ring: RingReader | None = None
        self._address: RingAddress | None = None
        self._out_of_reach = False  # a ring was told of that this process can't open
        self._plain: Subscription | None = None
        self._shared = node.create_subscription(SharedImage, shared, self._on_shared, qos.IMAGE, raw=True)
        self._timer = node.create_timer(LOOK_ROUND_S, self._look_round)

    def destroy(self) -> None:
        """End it. Pictures that were handed out stay what they are."""
        self._node.destroy_timer(self._timer)
        for subscription in (self._shared, self._plain):
            if subscription is not None:
                self._node.destroy_subscription(subscription)

    def _on_shared(self, data: bytes) -> None:
        try:
            stamp, (height, width), address, place = raw.shared_image_of(data)
            if address != self._address:
                self._open(address)
            if self._ring is None or self._plain is not None:
                return
            pixels = self._ring.picture(place, height, width)
        except DeviceError as error:
            self._refuse(error)
            return
        picture = Picture(stamp, pixels, (self._ring, place))
        if picture.whole():
            self._take(picture)

    def _open(self, address: RingAddress) -> None:
        self._address, self._ring = address, None
        try:
            self._ring, self._out_of_reach = RingReader(address), False
        except DeviceError as error:
            self._out_of_reach = True
            self._node.get_logger().info(f"{self._name} comes by the network, which is slower: {error}")

    def _on_plain(self, message: Image) -> None:
        try:
            pixels, stamp = convert.image_from_msg(message)
        except DeviceError as error:
            self._refuse(error)
            return
        self._take(Picture(stamp, pixels))

    def _look_round(self) -> None:
        """Take the ordinary topic while it, or part of it, can't be had by shared memory."""
        needed = self._ways.plain_needed(self._out_of_reach)
        if needed and self._plain is None:
            self._plain = self._node.create_subscription(Image, self._topic, self._on_plain, qos.IMAGE)
        elif not needed and self._plain is not None:
            self._node.destroy_subscription(self._plain)
            self._plain = None

    def _say(self, error: DeviceError) -> None:
        self._node.get_logger().error(f"{self._name}: {error}", throttle_duration_sec=5.0)
