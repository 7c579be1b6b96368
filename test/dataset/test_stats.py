"""Statistics of a column are those that NumPy gives."""

from __future__ import annotations

import numpy as np
import pytest

from optimus_nodes.dataset.stats import QUANTILES, column_stats


@pytest.mark.parametrize("frames", [1, 2, 3, 100, 101])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, bool])
def test_statistics_of_a_column_are_those_of_numpy(frames, kind):
    values = (np.random.default_rng(frames).normal(size=(frames, 3)) * 5).astype(kind)
    table, found = values.astype(np.float64), column_stats(values)
    for name in ("min", "max", "mean", "std"):
        np.testing.assert_allclose(found[name], getattr(table, name)(0), atol=1e-12)
    for name, share in QUANTILES.items():
        np.testing.assert_allclose(found[name], np.quantile(table, share, axis=0), atol=1e-12)
    assert found["count"].tolist() == [frames]


def test_a_column_of_single_numbers_has_statistics_of_one_number_each():
    found = column_stats(np.arange(5.0))
    assert {name: one.shape for name, one in found.items()} == dict.fromkeys(found, (1,))
    assert found["q50"].tolist() == [2.0]
