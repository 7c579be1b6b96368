"""What becomes of pictures on their way through the encoder."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from optimus_nodes.dataset.video import Encoder, Encoding


def decoded(packets: list[bytes]) -> list[np.ndarray]:
    with av.open(io.BytesIO(b"".join(packets)), format="h264") as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("size", [(48, 64), (50, 66)])
def test_fine_coloured_stripes_keep_their_mean_colour(size):
    """The colour of one pixel stood for four, so that noise and edges came out in the wrong colour."""
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[:, 0::2], pixels[:, 1::2] = (200, 90, 60), (60, 90, 200)
    encoder = Encoder(size[1], size[0], 30, Encoding(crf=10))
    (found,) = decoded([encoder.encode(pixels, key=True).data])
    assert np.abs(found.mean((0, 1)) - pixels.mean((0, 1))).max() < 4.0


def test_each_picture_keeps_its_own_content_though_the_encoder_uses_its_buffers_again():
    encoder = Encoder(64, 48, 30, Encoding(crf=10))
    grey = [np.full((48, 64, 3), level, np.uint8) for level in (40, 200, 90, 160)]
    found = decoded([encoder.encode(one, key=number == 0).data for number, one in enumerate(grey)])
    assert [round(float(one.mean())) for one in found] == pytest.approx([40, 200, 90, 160], abs=2)


def test_grey_levels_and_colours_come_back_as_they_were():
    pixels = np.zeros((64, 64, 3), np.uint8)
    for number, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)]):
        pixels[number * 16 : number * 16 + 16] = colour
    (found,) = decoded([Encoder(64, 64, 30, Encoding(crf=5)).encode(pixels, key=True).data])
    assert np.abs(found[4::16].astype(int) - pixels[4::16]).max() <= 6
