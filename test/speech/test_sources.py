"""Where sound comes from: files of any rate, pipes that are cut anywhere, and what is none."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from optimus_nodes.core.errors import ConfigError, DeviceError
from optimus_nodes.speech.sound import FRAME, RATE, Sound, add_noise, read_wav, resampled, write_wav
from optimus_nodes.speech.sources import Microphone, Pipe, WavFile, open_source


def tone(rate: int, seconds: float = 0.2) -> Sound:
    return (8000 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)).astype(np.int16)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_sound_of_any_rate_becomes_ours(rate: int) -> None:
    found = resampled(tone(rate), rate)
    wanted = tone(RATE)
    assert abs(len(found) - len(wanted)) <= 1
    middle = slice(400, 2800)
    assert np.abs(found[middle].astype(int) - wanted[middle]).max() < 200


def test_a_stereo_file_is_mixed(tmp_path: Path) -> None:
    import wave

    with wave.open(str(tmp_path / "two.wav"), "wb") as file:
        file.setparams((2, 2, RATE, 0, "NONE", ""))
        file.writeframes(np.array([[100, 300], [-100, 100]], np.int16).tobytes())
    assert read_wav(tmp_path / "two.wav").tolist() == [200, 0]


def test_a_wav_file_is_played_whole_with_silence_after_it(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", tone(RATE))
    frames = list(WavFile(tmp_path / "a.wav").frames())
    assert all(len(frame) == 2 * FRAME for frame in frames)
    sound = np.frombuffer(b"".join(frames), np.int16)
    assert np.array_equal(sound[: len(tone(RATE))], tone(RATE))
    assert len(sound) >= len(tone(RATE)) + 0.9 * RATE and not sound[-1000:].any()


def test_a_file_that_is_being_played_can_be_ended(tmp_path: Path) -> None:
    write_wav(tmp_path / "long.wav", tone(RATE, 30.0))
    source = WavFile(tmp_path / "long.wav")
    frames = source.frames()
    next(frames)
    source.close()
    assert list(frames) == []


def test_a_pipe_gives_whole_frames_however_it_is_cut_and_outlives_who_writes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    source = open_source(str(tmp_path / "pipe"), "")
    assert isinstance(source, Pipe)
    data = tone(RATE).tobytes()[: 4 * FRAME]

    def write() -> None:
        for piece in (data[:100], data[100:2000], data[2000:]):
            with (tmp_path / "pipe").open("wb", buffering=0) as file:
                file.write(piece)

    threading.Thread(target=write).start()
    frames = source.frames()
    assert next(frames) + next(frames) == data
    source.close()
    assert list(frames) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("there is none.wav", "it must be microphone, a WAV file or a named pipe"),
        (__file__, "is not a WAV file that can be read"),
    ],
)
def test_what_is_no_source_is_named(name: str, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        open_source(name, "default")
    assert text in str(refused.value) and name in str(refused.value)


def test_a_file_of_other_samples_is_refused(tmp_path: Path) -> None:
    import wave

    with wave.open(str(tmp_path / "8.wav"), "wb") as file:
        file.setparams((1, 1, RATE, 0, "NONE", ""))
        file.writeframes(bytes(100))
    with pytest.raises(ConfigError, match="has 8 bit samples; 16 bit are needed"):
        read_wav(tmp_path / "8.wav")


def test_without_arecord_the_microphone_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DeviceError, match="arecord is missing .sudo apt-get install -y alsa-utils."):
        Microphone("default")


def test_a_microphone_that_gives_nothing_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "arecord"
    fake.write_text("#!/bin/sh\necho 'arecord: main:831: audio open error: No such device' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(DeviceError, match="microphone 'hw:9' gives no sound: .*No such device .`arecord -L` lists"):
        list(Microphone("hw:9").frames())


def test_noise_has_the_power_that_was_asked_for() -> None:
    sound = tone(RATE, 1.0)
    noise = add_noise(sound, 10.0, np.random.default_rng(1)).astype(float) - sound
    loud = sound[np.abs(sound) > 0.02 * np.abs(sound).max()].astype(float)
    assert 10 * np.log10(np.mean(loud**2) / np.mean(noise**2)) == pytest.approx(10.0, abs=0.5)
