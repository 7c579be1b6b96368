"""Train the head that reads sentences (`policy/language.py`) on the wordings of the grammar; under three minutes.

    python -m optimus_nodes.learning.language models/language

The encoder stays as it is, so its vectors are computed once. Sentences are worn a little first (slips of the keyboard,
lost and added words), so that the head leans on no single word.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..core.language import SLOTS, Instruction, all_instructions, draw_wording, wordings
from ..core.meaning import MEANING, MEANING_SIZE
from ..policy.language import HEADS, MAX_PIECES, WIDTH, Encoder, Head, Reader, save_head
from ..robot.share import share_path
from .chatter import chatter

_FILLERS = ("um", "uh", "well", "so", "ok so", "alright", "hey", "listen", "right so", "oh", "and", "then", "and now")
_ENDS = (".", "!", "?", "...", ",", " ok", " okay", " and be careful", " carefully", " if you can", " would you")
_LITTLE = frozenset(("the", "your", "that", "is", "to", "of", "please", "it"))


@dataclass(frozen=True, slots=True)
class ReaderConfig:
    """How to train a head. `draws`: sentences of each instruction, up to four times as many where a skill has few;
    `chatter`: how many are no instruction to each that is; `worn`: the share that is typed badly. `width`, `blocks`,
    `looks` (of each slot), `hidden`: sizes of the head. `blot`: share of the pieces hidden, `noise` on the words alone.
    """

    draws: int = 150
    chatter: float = 0.25
    worn: float = 0.5
    width: int = 96
    blocks: int = 2
    looks: int = 2
    hidden: int = 64
    blot: float = 0.06
    noise: float = 0.2
    dropout: float = 0.08
    epochs: int = 16
    batch: int = 128
    lr: float = 3e-3
    weight_decay: float = 0.02
    smoothing: float = 0.01
    seed: int = 0


@dataclass
class Corpus:
    """Sentences with the value of every slot, (N, slots), and whether they are instructions, (N,)."""

    sentences: list[str] = field(default_factory=list)
    values: list[list[int]] = field(default_factory=list)
    understood: list[float] = field(default_factory=list)

    def add(self, sentence: str, instruction: Instruction | None) -> None:
        """One more sentence; without an instruction it is chatter."""
        self.sentences.append(sentence)
        slots = [names.index(getattr(instruction, slot)) if instruction else 0 for slot, names in MEANING.items()]
        self.values.append(slots)
        self.understood.append(float(instruction is not None))


def training_corpus(config: ReaderConfig) -> Corpus:
    """Sentences to train on, of training wordings alone."""
    rng, corpus = random.Random(config.seed), Corpus()
    every = all_instructions(tuple(SLOTS))
    for one in every:
        known = wordings(one)
        alike = sum(other.skill == one.skill for other in every)  # skills with few instructions are drawn more often
        for number in range(config.draws * max(1, min(4, round(8 / alike)))):
            sentence = draw_wording(one, rng) if number % 3 else rng.choice(known)
            corpus.add(wear(sentence, rng) if rng.random() < config.worn else sentence, one)
    for _ in range(round(config.chatter * len(corpus.sentences))):
        sentence = chatter(rng)
        corpus.add(wear(sentence, rng) if rng.random() < config.worn else sentence, None)
    return corpus


def wear(sentence: str, rng: random.Random) -> str:
    """`sentence` as people really type it: little words lost, letters swapped, a filler before, a sign after."""
    words = sentence.split()
    if rng.random() < 0.25:
        words = [word for word in words if word not in _LITTLE or rng.random() < 0.4] or words
    if rng.random() < 0.2:
        number = rng.randrange(len(words))
        words[number] = _slip(words[number], rng)
    text = " ".join(words)
    if rng.random() < 0.2:
        text = f"{rng.choice(_FILLERS)} {text}"
    if rng.random() < 0.4:
        text += rng.choice(_ENDS)
    return text


def _slip(word: str, rng: random.Random) -> str:
    if len(word) < 4:
        return word
    k = rng.randrange(1, len(word) - 1)
    swapped = word[:k] + word[k + 1] + word[k] + word[k + 2 :]
    return rng.choice((swapped, word[:k] + word[k + 1 :], word[:k] + word[k] + word[k:]))


class Block(nn.Module):
    """Attention between the pieces of a sentence, then a small network on each."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.ask, self.answer = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, width) to the same; pieces outside `mask` are not looked at."""
        query, key, value = (
            part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in self.ask(norm(x)).chunk(3, dim=-1)
        )
        found = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None])
        x = x + self.drop(self.answer(found.transpose(1, 2).flatten(2)))
        return x + self.drop(self.narrow(torch.relu(self.widen(norm(x)))))


class HeadNetwork(nn.Module):
    """A little attention between the pieces; then, for each slot, some looks: shares of the pieces, by which they are
    averaged, and a small network on what was looked at."""

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        parts, sizes = len(MEANING) + 1, [len(values) for values in MEANING.values()] + [1]
        width, inner, hidden = config.width, config.width * config.looks, config.hidden
        self.config, self.parts = config, parts
        self.there, self.alone = nn.Linear(WIDTH, width, bias=False), nn.Linear(WIDTH, width, bias=False)
        self.place = nn.Parameter(0.02 * torch.randn(MAX_PIECES, width))
        self.blocks = nn.ModuleList(Block(width, config.dropout) for _ in range(config.blocks))
        self.look = nn.Linear(width, parts * config.looks, bias=False)
        self.hidden = nn.ParameterDict(
            {"weight": torch.randn(parts, inner, hidden) * inner**-0.5, "bias": torch.zeros(parts, hidden)}
        )
        places = sum(sizes)
        self.out = nn.ParameterDict({"weight": torch.randn(places, hidden) * hidden**-0.5, "bias": torch.zeros(places)})
        self.register_buffer("part", torch.repeat_interleave(torch.arange(parts), torch.tensor(sizes)))
        self.drop = nn.Dropout(config.dropout)

    def forward(self, there: Tensor, alone: Tensor, mask: Tensor) -> Tensor:
        """Logits (B, places) for pieces, there and alone, (B, T, WIDTH), of which those in `mask` (B, T) are there."""
        words = self.alone(norm(alone))
        if self.training and self.config.noise:  # so that words near to each other mean alike
            words = words + self.config.noise * torch.randn_like(words)
        x = self.drop(self.there(norm(there)) + words + self.place[: there.shape[1]])
        for block in self.blocks:
            x = block(x, mask)
        x = norm(x)
        scores = self.look(x).masked_fill(~mask[..., None], -1e4)
        pooled = scores.softmax(1).transpose(1, 2) @ x
        seen = pooled.unflatten(1, (self.parts, -1)).flatten(2).transpose(0, 1)
        hidden = torch.relu(seen @ self.hidden["weight"] + self.hidden["bias"][:, None]).transpose(0, 1)
        return (self.drop(hidden)[:, self.part] * self.out["weight"]).sum(-1) + self.out["bias"]


def norm(x: Tensor) -> Tensor:
    """Mean 0 and variance 1 in the last axis."""
    return nn.functional.layer_norm(x, x.shape[-1:])


@dataclass(frozen=True, slots=True)
class Features:
    """Vectors of many sentences, half precision: `there` (N, T, WIDTH), `alone` (words, WIDTH) with `word` (N, T) into
    it, and `mask` (N, T)."""

    there: Tensor
    alone: Tensor
    word: Tensor
    mask: Tensor

    def batch(self, some: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What `HeadNetwork` takes, for the sentences `some`, as long as the longest of them."""
        mask = self.mask[some]
        mask = mask[:, : int(mask.sum(1).max())]
        words = self.word[some, : mask.shape[1]]
        return self.there[some, : mask.shape[1]].float(), self.alone[words].float(), mask


def features(sentences: Sequence[str], encoder: Encoder, batch: int = 32) -> Features:
    """The encoder's vectors of every sentence; those of one length go through it together."""
    pairs = [encoder.pieces.encode(sentence, MAX_PIECES) for sentence in sentences]
    longest = max(len(numbers) for numbers, _ in pairs)
    there = torch.zeros(len(pairs), longest, WIDTH, dtype=torch.float16)
    word, mask = torch.zeros(len(pairs), longest, dtype=torch.long), torch.zeros(len(pairs), longest, dtype=torch.bool)
    place: dict[str, int] = {}
    by_length: dict[int, list[int]] = {}
    for number, (pieces, words) in enumerate(pairs):
        by_length.setdefault(len(pieces), []).append(number)
        word[number, : len(words)] = torch.tensor([place.setdefault(name, len(place)) for name in words])
        mask[number, : len(words)] = True
    for length, numbers in by_length.items():
        for start in range(0, len(numbers), batch):
            some = numbers[start : start + batch]
            found = encoder.run(np.array([pairs[k][0] for k in some], np.int64))
            there[some, :length] = torch.from_numpy(found).half()
    names = list(place)
    alone = np.concatenate([encoder.alone(names[k : k + batch]) for k in range(0, len(names), batch)])
    return Features(there, torch.from_numpy(alone).half(), word, mask)


def train_head(
    given: Features,
    corpus: Corpus,
    config: ReaderConfig,
    report: Callable[[str], None] = lambda line: None,
    make: Callable[[ReaderConfig], HeadNetwork] = HeadNetwork,
) -> HeadNetwork:
    """Fit a head to the corpus whose features are `given`. Deterministic for a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = make(config)
        values, understood = torch.tensor(corpus.values), torch.tensor(corpus.understood)
        count = len(values)
        steps = config.epochs * -(-count // config.batch)
        optimiser = torch.optim.AdamW(network.parameters(), lr=config.lr, weight_decay=config.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.lr, total_steps=steps, pct_start=0.1)
        for epoch in range(config.epochs):
            whole = 0.0
            for some in torch.randperm(count).split(config.batch):
                there, alone, mask = given.batch(some)
                kept = mask & (torch.rand(mask.shape) >= config.blot)
                kept[:, 0] = True
                loss = head_loss(network(there, alone, kept), values[some], understood[some], config.smoothing)
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimiser.step()
                schedule.step()
                whole += loss.item() * len(some)
            report(f"epoch {epoch + 1} of {config.epochs}: loss {whole / count:.4f}")
    return network.eval()


def head_loss(logits: Tensor, values: Tensor, understood: Tensor, smoothing: float) -> Tensor:
    """Cross entropy of every slot where there is an instruction, and of being one."""
    loss = 0.5 * nn.functional.binary_cross_entropy_with_logits(logits[:, MEANING_SIZE], understood)
    for number, part in enumerate(logits[:, :MEANING_SIZE].split([len(v) for v in MEANING.values()], 1)):
        each = nn.functional.cross_entropy(part, values[:, number], reduction="none", label_smoothing=smoothing)
        loss = loss + (each * understood).sum() / understood.sum().clamp(min=1.0)
    return loss


def head_of(network: HeadNetwork, vocabulary: list[str]) -> Head:
    """The trained network as plain arrays."""
    weights = {name: values.detach().float().numpy() for name, values in network.state_dict().items()}
    return Head(weights, vocabulary)


def vocabulary() -> list[str]:
    """The encoder's word pieces, in its order."""
    return (share_path("models/language") / "wordpiece.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")


def train_reader(
    out: Path | str, config: ReaderConfig | None = None, report: Callable[[str], None] = lambda line: None
) -> Reader:
    """Train a head on the grammar as it is and write it into `out` (a policy bundle's folder)."""
    config, pieces = config or ReaderConfig(), vocabulary()
    encoder = Encoder(pieces)
    corpus = training_corpus(config)
    report(f"{len(corpus.sentences)} sentences of training")
    network = train_head(features(corpus.sentences, encoder), corpus, config, report)
    head = head_of(network, pieces)
    save_head(head, out)
    return Reader(head, encoder)


if __name__ == "__main__":
    torch.set_num_threads(1)
    began = time.monotonic()
    train_reader(sys.argv[1], report=lambda line: print(line, flush=True))
    print(f"wrote {sys.argv[1]} in {time.monotonic() - began:.0f} s")
