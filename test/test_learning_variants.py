"""Each network that the chosen one is measured against learns, and answers in the same form."""

from __future__ import annotations

import pytest
import torch
from learning_fakes import SMALL

from optimus_nodes.learning.variants import VARIANTS
from optimus_nodes.policy.network import Augmentation, NetworkConfig

pytestmark = pytest.mark.long

CONFIG = NetworkConfig(4, 2, 6, (("head", 48, 64), ("wrist", 32, 32)), slots=(3, 2), aux=1, **SMALL)


def inputs(batch: int = 8):
    generator = torch.Generator().manual_seed(0)
    images = [
        torch.randint(0, 256, (batch, h, w, 3), dtype=torch.uint8, generator=generator) for _, h, w in CONFIG.cameras
    ]
    rows = [torch.rand(batch, n, generator=generator) for n in (5, 4, 4, 2)]
    return images, *rows, torch.rand(batch, 6, 4, generator=generator) * 2 - 1


@pytest.mark.parametrize("name", VARIANTS)
def test_it_learns_eight_chunks_by_heart(name):
    torch.manual_seed(0)
    network, (*seen, wanted) = VARIANTS[name](CONFIG), inputs()
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    for _ in range(300 if name == "flow" else 80):
        out = network(*seen, Augmentation(wanted=wanted))
        loss = network.action_loss(out, wanted, torch.ones(6, 4))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        out = network.eval()(*seen)
    assert out["actions"].shape == wanted.shape and out["progress"].shape == (8,)
    assert [tuple(place.shape) for place in out["places"]] == [(8, 4, 2), (8, 2, 2)]
    assert (out["actions"] - wanted).abs().mean() < 0.3 * wanted.abs().mean()


def test_language_reaches_a_late_network_without_its_stems():
    torch.manual_seed(0)
    network, (images, meaning, *rest, _) = VARIANTS["late_language"](CONFIG).eval(), inputs()
    torch.nn.init.normal_(network.actions.weight)
    with torch.no_grad():
        first, other = (network(images, m, *rest)["actions"] for m in (meaning, meaning.flip(0)))
    assert (first - other).abs().max() > 1e-3
