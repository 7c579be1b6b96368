"""Sound as it flows here: mono, 16 bit, 16 kHz, in frames of 30 ms."""

from __future__ import annotations

import wave
from math import gcd
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from ..core.errors import ConfigError

Sound = NDArray[np.int16]
RATE = 16000  # samples a second
FRAME = 480  # samples
FRAME_S = FRAME / RATE
SILENCE = bytes(2 * FRAME)


def resampled(sound: Sound, rate: int, wanted: int = RATE) -> Sound:
    """`sound` of `rate` samples a second as one of `wanted`."""
    if rate == wanted:
        return sound
    common = gcd(rate, wanted)
    again = resample_poly(sound.astype(np.float64), wanted // common, rate // common)
    return np.clip(np.round(again), -32768, 32767).astype(np.int16)


def read_wav(path: Path) -> Sound:
    """A WAV file of 16 bit samples, whatever its rate and channels. Raises ConfigError."""
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise ConfigError(f"{path} is not a WAV file that can be read: {error}") from error
    if width != 2:
        raise ConfigError(f"{path} has {8 * width} bit samples; 16 bit are needed (`sox {path} -b 16 new.wav`)")
    samples = np.frombuffer(data, np.int16).reshape(-1, channels)
    return resampled(samples.mean(axis=1).astype(np.int16), rate)


def write_wav(path: Path, sound: Sound, rate: int = RATE) -> None:
    """Write `sound` as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, len(sound), "NONE", ""))
        file.writeframes(sound.tobytes())


def add_noise(sound: Sound, snr_db: float, rng: np.random.Generator) -> Sound:
    """`sound` with white noise; `snr_db` compares the powers of what is not silence and of the noise, dB."""
    values = sound.astype(np.float64)
    loud = np.abs(values) > 0.02 * max(np.abs(values).max(), 1.0)
    power = float(np.mean(values[loud] ** 2)) if loud.any() else 1.0
    noisy = values + rng.normal(0.0, np.sqrt(power / 10.0 ** (snr_db / 10.0)), len(values))
    return np.clip(np.round(noisy), -32768, 32767).astype(np.int16)
