"""Ears and mouth of the robot: what is said to it becomes an instruction, what it has to say is spoken.

In: sound (microphone, WAV file or pipe), speech/say, speech/listen (push to talk). Out: speech/heard (all that was
understood), instruction (what was meant for the robot). A stop is passed on while it is being said, whoever says it
and whatever the robot itself is saying, and silences the robot. Not in the graph unless asked for.
"""

from __future__ import annotations

import sys
import threading
import time
from queue import SimpleQueue

from rclpy.node import Node
from std_msgs.msg import Bool, String

from optimus_nodes.core.errors import DeviceError
from optimus_nodes.core.hearing import Heard, Hearing
from optimus_nodes.ros import diagnostics, qos
from optimus_nodes.ros.params import declare
from optimus_nodes.ros.runtime import run
from optimus_nodes.speech.mouth import Mouth, make_player
from optimus_nodes.speech.params import SpeechParams, make_listener
from optimus_nodes.speech.sources import open_source
from optimus_nodes.speech.voice import make_voice

TICK_S = 0.02
Event = Heard | str | Exception | None  # heard, said, broken, no more sound


class SpeechNode(Node):
    """The shell around Listener, Hearing and Mouth."""

    def __init__(self) -> None:
        super().__init__("speech")
        self._params = p = declare(self, SpeechParams)
        self._hearing = Hearing(p.hearing)
        self._events: SimpleQueue[tuple[Event, bool]] = SimpleQueue()
        self._counts = {"heard": 0, "understood": 0, "stops": 0, "said": 0}
        self._deaf = False
        voice, player = make_voice(p.voice, p.words_per_minute), make_player(p.output, p.output_device)
        self._mouth = Mouth(voice, player, self._tell, self._on_mute)
        self._listener, self._source = make_listener(p), open_source(p.input, p.input_device)
        self._heard = self.create_publisher(String, "speech/heard", qos.EVENT)
        self._instruction = self.create_publisher(String, "instruction", qos.EVENT)
        self.create_subscription(String, "speech/say", lambda message: self._mouth.say(message.data), qos.EVENT)
        self.create_subscription(Bool, "speech/listen", self._on_button, qos.ANY)
        self.create_timer(TICK_S, self._on_tick)
        self._reporter = diagnostics.Reporter(self, self._health, "speech")
        threading.Thread(target=self._listen, name="ears", daemon=True).start()
        self.get_logger().info(f"listening to {p.input}, {p.hearing.mode}: {', '.join(p.hearing.wake_words)}")

    def _tell(self, event: Event, own_voice: bool = False) -> None:
        """From any thread: have the node's own thread see to it."""
        self._events.put((event, own_voice))

    def _on_mute(self, error: Exception) -> None:
        """In the mouth's thread: a robot that cannot speak must hear a stop all the same."""
        if isinstance(error, DeviceError):
            self.get_logger().error(str(error))
        else:
            self._tell(error)

    def _listen(self) -> None:
        """In a thread of its own. While the robot speaks, and a moment longer, it hears itself."""
        own_voice = False
        try:
            for frame in self._source.frames():
                own_voice = (own_voice and self._listener.speaking) or bool(self._mouth.saying)
                for heard in self._listener.take(frame, own_voice):
                    self._tell(heard, own_voice)
            self._tell(None)
        except Exception as error:  # raised in the node's own thread
            self._tell(error)

    def _on_button(self, message: Bool) -> None:
        self._hearing.on_button(message.data, time.monotonic())

    def _on_tick(self) -> None:
        while not self._events.empty():
            event, own_voice = self._events.get()
            if isinstance(event, Exception):
                raise event
            if isinstance(event, Heard):
                self._hear(event, own_voice)
            elif event is None:
                self._deaf = True
                self.get_logger().info(f"no more sound from {self._params.input}")
            else:
                self._counts["said"] += 1
                self._hearing.on_said(event, time.monotonic())

    def _hear(self, heard: Heard, own_voice: bool) -> None:
        self._counts["heard"] += 1
        found = self._hearing.hear(heard, time.monotonic(), own_voice)
        if found.certain:
            self._heard.publish(String(data=heard.text))
        if found.reason == "stop":
            self._mouth.hush()
            self._counts["stops"] += 1
        if found.instruction:
            self._counts["understood"] += 1
            self._instruction.publish(String(data=found.instruction))
        if found.reply:
            self._mouth.say(found.reply)
        self.get_logger().info(f"heard {heard.text!r}: {found.reason}")

    def _health(self) -> diagnostics.Health:
        level = diagnostics.WARN if self._deaf else diagnostics.OK
        message = "no more sound" if self._deaf else "speaking" if self._mouth.saying else "listening"
        return diagnostics.Health(level, message, self._counts)

    def destroy_node(self) -> None:
        """End the ears and the mouth first."""
        self._source.close()
        self._mouth.hush()
        super().destroy_node()


def main() -> int:
    """Entry point of speech_node."""
    return run(SpeechNode)


if __name__ == "__main__":
    sys.exit(main())
