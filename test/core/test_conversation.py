"""The latest turns stay as they were; the rest becomes a summary that never grows long."""

from __future__ import annotations

from optimus_nodes.core.conversation import LONGEST, Conversation


def test_the_latest_turns_stay_word_for_word() -> None:
    conversation = Conversation(2)
    for number in range(3):
        conversation.add(f"say {number}", f"{number}.", "answer")
    assert conversation.turns == (("say 1", "1."), ("say 2", "2."))
    assert conversation.summary == '"say 0": answer'


def test_nothing_said_gives_no_summary() -> None:
    assert Conversation().summary == "" and Conversation().turns == ()


def test_the_summary_never_grows_long_and_counts_what_it_left_out() -> None:
    conversation = Conversation(1)
    for number in range(200):
        conversation.add(f"{number} " + "very " * 100, "Yes.", "plan")
    assert len(conversation.summary) <= LONGEST
    kept = conversation.summary.count(": plan")
    assert conversation.summary.startswith(f"{199 - kept} things before; ")
    assert '"198 very' in conversation.summary and "…" in conversation.summary
