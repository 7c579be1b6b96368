"""Calibration files: read exactly, and every mistake named with file and field."""

import copy
import math

import numpy as np
import pytest

from optimus_nodes.core.camera_calibration import check_size, parse_calibration
from optimus_nodes.core.errors import ConfigError

GOOD = {
    "image_width": 640,
    "image_height": 480,
    "camera_name": "head",
    "camera_matrix": {"rows": 3, "cols": 3, "data": [500.0, 0, 320.5, 0, 501.0, 240.5, 0, 0, 1]},
    "distortion_model": "plumb_bob",
    "distortion_coefficients": {"rows": 1, "cols": 5, "data": [0.1, -0.2, 0.001, 0.002, 0]},
    "rectification_matrix": {"rows": 3, "cols": 3, "data": [1, 0, 0, 0, 1, 0, 0, 0, 1]},
    "projection_matrix": {"rows": 3, "cols": 4, "data": [490.0, 0, 321, 0, 0, 495.0, 241, 0, 0, 0, 1, 0]},
}


def changed(**fields):
    data = copy.deepcopy(GOOD)
    for field, value in fields.items():
        if isinstance(value, dict) and field in data:
            data[field].update(value)
        else:
            data[field] = value
    return data


def test_a_good_calibration_is_read_exactly():
    c = parse_calibration(GOOD, "head.yaml")
    assert (c.width, c.height, c.model) == (640, 480, "plumb_bob")
    assert c.K[0].tolist() == [500.0, 0.0, 320.5] and c.P[1].tolist() == [0.0, 495.0, 241.0, 0.0]
    assert c.D.tolist() == [0.1, -0.2, 0.001, 0.002, 0.0] and np.array_equal(c.R, np.eye(3))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (None, "head.yaml holds missing, not the fields of a camera calibration"),
        ("hello", "head.yaml holds 'hello', not the fields of a camera calibration"),
        (changed(image_width=0), "head.yaml: image_width is 0; allowed 1 to 16384 pixels"),
        (changed(image_height="480"), "head.yaml: image_height is '480'; allowed 1 to 16384 pixels"),
        (changed(distortion_model="fisheye"),
         "head.yaml: distortion_model is 'fisheye'; allowed plumb_bob, rational_polynomial, equidistant"),
        (changed(distortion_coefficients={"cols": 3, "data": [0, 0, 0]}),
         "head.yaml: distortion_coefficients has 3 numbers; plumb_bob needs 4 or 5"),
        (changed(camera_matrix={"data": [1, 2]}),
         "head.yaml: camera_matrix has rows 3, cols 3 and 2 numbers; it needs 3 x 3"),
        (changed(camera_matrix=None), "head.yaml: camera_matrix is missing; it needs rows, cols and data"),
        (changed(projection_matrix={"rows": 4, "cols": 3}),
         "head.yaml: projection_matrix has rows 4, cols 3 and 12 numbers; it needs 3 x 4"),
        (changed(camera_matrix={"data": [math.nan] * 9}), "head.yaml: camera_matrix holds a number that is not finite"),
        (changed(camera_matrix={"data": ["a"] * 9}),
         "head.yaml: camera_matrix holds something that is no number: ['a', 'a', 'a', 'a', 'a', 'a', 'a', '..."),
        (changed(camera_matrix={"data": [0, 0, 320, 0, 500, 240, 0, 0, 1]}),
         "head.yaml: camera_matrix has focal lengths 0 and 500; both must be above 0"),
        (changed(camera_matrix={"data": [500, 0, 900, 0, 500, 240, 0, 0, 1]}),
         "head.yaml: camera_matrix puts the optical centre at (900, 240), outside the 640x480 image"),
        (changed(camera_matrix={"data": [500, 0, 320, 0, 500, 240, 0, 0, 2]}),
         "head.yaml: the last row of camera_matrix must be 0 0 1"),
        (changed(rectification_matrix={"data": [2, 0, 0, 0, 1, 0, 0, 0, 1]}),
         "head.yaml: rectification_matrix is not a rotation"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_file_and_field(data, text):
    with pytest.raises(ConfigError) as caught:
        parse_calibration(data, "head.yaml")
    assert str(caught.value) == text


def test_a_calibration_for_another_size_is_refused():
    with pytest.raises(ConfigError) as caught:
        check_size(parse_calibration(GOOD, "head.yaml"), 320, 240, "head.yaml", "camera head")
    assert str(caught.value) == (
        "head.yaml is for 640x480 pixels, but camera head is 320x240; "
        "calibrate at that size or change width and height (config/camera.yaml)"
    )
