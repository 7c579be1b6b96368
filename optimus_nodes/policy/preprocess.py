"""What happens to a camera picture before the network sees it, in training and at run time alike."""

from __future__ import annotations

import cv2
import numpy as np

from ..core.errors import ContractError
from ..core.values import ImageArray


def shrink(image: ImageArray, height: int, width: int) -> ImageArray:
    """The picture (H, W, 3) uint8 RGB resized to (height, width, 3) by pixel area; a no-op at that size."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ContractError(
            f"a camera picture has shape {image.shape} and type {image.dtype}; "
            "the policy takes (height, width, 3) uint8 RGB"
        )
    if image.shape[:2] == (height, width):
        return np.ascontiguousarray(image)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
