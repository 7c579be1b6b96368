"""`optimus hear`: shows what the robot's ears make of sound, without a robot."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer

from optimus_nodes.core.errors import OptimusError
from optimus_nodes.core.hearing import Hearing, HearingRules
from optimus_nodes.speech.params import SpeechParams, make_listener
from optimus_nodes.speech.sources import MICROPHONE, open_source

UNDERSTOOD, NOTHING = 0, 1


def hear(
    source: Annotated[str, typer.Argument(help="microphone, a WAV file or a named pipe of raw samples.")] = MICROPHONE,
    mode: Annotated[str, typer.Option(help="wake: a wake word comes first; open: everything counts.")] = "wake",
    recogniser: Annotated[str, typer.Option(help="grammar, free or whisper.")] = "grammar",
    whisper_model: Annotated[str, typer.Option(help="Folder of a CTranslate2 model, or a name.")] = "tiny.en",
    device: Annotated[str, typer.Option(help="Microphone, as `arecord -L` names it.")] = "default",
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON for each thing that was heard.")] = False,
) -> int:
    """Print what is heard and whether the robot would take it for an instruction, until the sound or Ctrl-C ends it.

    Exit code 0 when an instruction was heard, 1 when none was, 2 when there is no sound or no recogniser.
    """
    if mode == "push":
        raise OptimusError("--mode push needs a button, which only a running robot has; allowed are wake and open")
    params = SpeechParams(HearingRules(mode=mode), recogniser=recogniser, whisper_model=whisper_model)
    listener, hearing, code = make_listener(params), Hearing(params.hearing), NOTHING
    sound = open_source(source, device)
    if not as_json:
        print(f"listening to {source}; Ctrl-C ends it", flush=True)
    try:
        for frame in sound.frames():
            for heard in listener.take(frame):
                found = hearing.hear(heard, time.monotonic())
                code = UNDERSTOOD if found.instruction else code
                facts = {"heard": heard.text, "doubt": round(heard.doubt, 2)}
                facts |= {"instruction": found.instruction, "reason": found.reason}
                line = f"{heard.text or '(nothing known)'}: {found.reason}"
                print(json.dumps(facts) if as_json else line, flush=True)
    except KeyboardInterrupt:
        pass
    finally:
        sound.close()
    return code
