from dataclasses import replace

import pytest

from optimus_nodes.core.camera_health import CameraHealth, assess


def health(**changes):
    well = CameraHealth(
        "cam.mp4", "streaming", 9, dropped=0, missed=0, reconnects=0, error="", retry_s=0.0, silent_s=0.0
    )
    return replace(well, **changes)


@pytest.mark.parametrize(
    ("state", "rate", "level", "text"),
    [
        (health(), 19.6, "ok", "19.6 pictures a second"),
        (health(), 12.0, "warn", "cam.mp4: 12.0 pictures a second instead of 20"),
        (health(silent_s=1.5), 0.0, "error", "cam.mp4: no picture for 1.5 s"),
        (health(phase="waiting", error="it is gone", retry_s=2.0), 0.0, "error", "it is gone; next try in 2.0 s"),
        (health(phase="connecting"), 0.0, "warn", "opening cam.mp4"),
        (health(phase="connecting", error="it is gone"), 0.0, "error", "it is gone"),
        (health(phase="ended", silent_s=60.0), 0.0, "ok", "cam.mp4 was played to its end"),
    ],
)
def test_level_and_words(state, rate, level, text):
    assert assess(state, rate, wanted_hz=20.0) == (level, text)
