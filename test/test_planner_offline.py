"""The offline planner: what it understands, what it asks, what it refuses. It never guesses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimus_nodes.core.errors import ConfigError
from optimus_nodes.core.language import BINS, COLOURS, SLOTS, Instruction, all_instructions
from optimus_nodes.core.language import first_wordings as wordings
from optimus_nodes.core.planner import PlanContext
from optimus_nodes.planner import words
from optimus_nodes.planner.clauses import ABILITIES, WHICH_BOX
from optimus_nodes.planner.offline import MAX_STEPS, WHICH_BIN, OfflinePlanner
from optimus_nodes.planner.params import PlannerParams

PLANNER = OfflinePlanner()
NOTHING = PlanContext()
CAN = ABILITIES
KNOW = "I know red, green, blue and yellow."
PLACES = "I know the left bin, the right bin and the table."


def cannot(text):
    return text, f'"{text}" is not something I can do. {ABILITIES}'


def steps(short):
    """`pick red; place blue left; down; home` as instructions."""
    skills = {"down": "put_down"}
    return tuple(
        Instruction(skills.get(part.split()[0], part.split()[0]), *part.split()[1:]) for part in short.split("; ")
    )


UNDERSTOOD = [
    ("put the red box in the left bin and then the blue one in the right bin", "place red left; place blue right"),
    ("put the red box in the left bin, then the blue one in the right one", "place red left; place blue right"),
    (
        "Put the red box in the left bin; after that, the blue one goes in the right bin.",
        "place red left; place blue right",
    ),
    ("put the red box in the left and the blue box in the right bin", "place red left; place blue right"),
    ("put the red and blue boxes in the left bin", "place red left; place blue left"),
    ("put the red box and the green box in the right bin", "place red right; place green right"),
    ("put red, blue and green in the left bin", "place red left; place blue left; place green left"),
    ("put the red box in the left bin, the blue one too", "place red left; place blue left"),
    ("put the red box in the left bin and the blue one there as well", "place red left; place blue left"),
    ("put the red box in the left bin and the blue one in the other bin", "place red left; place blue right"),
    ("put the red box in the left bin and the blue one in the same bin", "place red left; place blue left"),
    ("pick up the red box and put it in the left bin", "place red left"),
    ("pick up the red box. Then put the box in the left bin", "place red left"),
    ("take the red box to the left bin", "place red left"),
    ("pick up the red box, put it down, then go home", "pick red; down; home"),
    ("pick up the yellow cube and put the yellow one on the table", "pick yellow; down"),
    ("grab the green block", "pick green"),
    ("Get the green one, please", "pick green"),
    ("could you please lift the blue cube up", "pick blue"),
    ("I'd like you to take hold of the yellow one", "pick yellow"),
    ("I want you to grab the yellow block", "pick yellow"),
    ("hey robot, pick up the red box from the table", "pick red"),
    ("pick up the crimson cube", "pick red"),
    ("grasp the navy block", "pick blue"),
    ("lift the golden box", "pick yellow"),
    ("take the emerald one", "pick green"),
    ("could you please put the red box into the container on the right, thanks", "place red right"),
    ("put the red box in the bin on the right side", "place red right"),
    ("carry the green cube over to the right bin", "place green right"),
    ("drop off the yellow one in the left basket for me", "place yellow left"),
    ("the green box belongs in the right bin", "place green right"),
    (
        "first put the green box in the left bin; after that the yellow one in the right one. Finally go home",
        "place green left; place yellow right; home",
    ),
    ("put the red box in the left bin and then stop", "place red left"),
    ("put down", "down"),
    ("put it down", "down"),
    ("set it down on the bench", "down"),
    ("put it back down", "down"),
    ("home", "home"),
    ("go back home", "home"),
    ("return to your home pose", "home"),
    ("PUT THE RED BOX IN THE LEFT BIN!!!", "place red left"),
    ("  put   the red\tbox\u00a0in the left bin ", "place red left"),
]

ASKED = [
    ("move the red box", WHICH_BIN),
    ("put the red box in the bin", WHICH_BIN),
    ("put the red box in a bin", WHICH_BIN),
    ("move the red box to the left", WHICH_BIN),
    ("put the red box in the left bin and the blue one", WHICH_BIN),
    ("drop the green one", WHICH_BIN),
    ("pick up the box", WHICH_BOX),
    ("pick up a box", WHICH_BOX),
    ("pick up", WHICH_BOX),
    ("take one", WHICH_BOX),
    ("put it in the left bin", WHICH_BOX),
    ("put the box in the left bin", WHICH_BOX),
    ("put a box in the left bin", WHICH_BOX),
    ("move to the left bin", WHICH_BOX),
    ("the red box", "What should I do with the red box: pick it up, or put it in the left or the right bin?"),
    ("in the left bin", "What should I do with that: pick it up, or put it in the left or the right bin?"),
]

REFUSED = [
    ("pick up the purple box", f"I can't see a purple box; {KNOW}"),
    ("pick up an orange cube", f"I can't see an orange box; {KNOW}"),
    ("put the red box in the left bin and the pink one in the right bin", f"I can't see a pink box; {KNOW}"),
    ("purple", f"I can't see a purple box; {KNOW}"),
    ("pick up the wooden box", f"I can't see a wooden box; {KNOW}"),
    ("pick up the small red box", f"I cannot tell boxes apart by size, only by colour: {KNOW}"),
    ("pick up the banana", f"I don't know what a banana is. {CAN}"),
    ("take a break", f"I don't know what a break is. {CAN}"),
    cannot("dance"),
    cannot("wash the red box"),
    cannot("throw the red box in the left bin"),
    cannot("do not put the red box in the left bin"),
    cannot("don't pick up the red box"),
    cannot("did you put the red box in the left bin"),
    cannot("if you see it put the red box in the left bin"),
    cannot("bring me the red box"),
    ("put the red box in the left bin with your left hand", f'I did not understand "with your left hand". {CAN}'),
    ("put the red box in the left bin carefully", f'I did not understand "carefully". {CAN}'),
    ("put the red box in the middle bin", "There is no middle bin; I know the left bin and the right bin."),
    ("put the red box in the red bin", "There is no red bin; I know the left bin and the right bin."),
    ("put the red box in the drawer", f'I know no place called "drawer"; {PLACES}'),
    ("put the red box on station A", f'I know no place called "station a"; {PLACES}'),
    ("put the red box next to the blue box", f'I know no place called "blue box"; {PLACES}'),
    ("pick up all boxes", f"One box at a time, please: name each by its colour. {KNOW}"),
    ("put everything in the left bin", f"One box at a time, please: name each by its colour. {KNOW}"),
    (
        "pick up the red box and the blue box",
        "I hold one box at a time: say where the red box goes before the blue one.",
    ),
    ("put down the red box", "I can only put down a box that I hold, and I have not picked up the red box."),
    (
        "get the red box from the left bin",
        'I cannot take a box out of a bin. To put it in one, say "put the red box in the left bin".',
    ),
    ("pick up the red blue box", "A box has one colour: is it red or blue?"),
    ("pick up the red box, left", f"I did not understand all of that. {CAN}"),
    ("go home, the red one", f"I did not understand all of that. {CAN}"),
    ("please", f"I did not understand that. {CAN}"),
    cannot("the sky is blue"),
    ("red " * 300, "That is too long for me: 1199 letters, at most 1000."),
]

ANSWERED = [
    ("what can you do?", CAN),
    ("hello", f"Hello! {CAN}"),
    ("thank you!", "You are welcome."),
    ("what are you doing?", "I am not doing anything."),
    ("which colours do you know?", "I know red, green, blue and yellow."),
    ("", f"I heard nothing. {CAN}"),
    ("?!", f"I heard nothing. {CAN}"),
]


@pytest.mark.parametrize(("text", "short"), UNDERSTOOD)
def test_understood(text, short):
    proposal = PLANNER.plan(text, NOTHING)
    assert proposal.status == "plan", proposal.say
    assert proposal.steps == steps(short)


@pytest.mark.parametrize(("text", "say"), ASKED)
def test_a_missing_piece_is_asked_for(text, say):
    proposal = PLANNER.plan(text, NOTHING)
    assert (proposal.status, proposal.say, proposal.question_about) == ("question", say, text)


@pytest.mark.parametrize(("text", "say"), REFUSED)
def test_what_it_cannot_do_is_said_plainly(text, say):
    proposal = PLANNER.plan(text, NOTHING)
    assert (proposal.status, proposal.say) == ("refused", say)


@pytest.mark.parametrize(("text", "say"), ANSWERED)
def test_small_talk_is_answered_without_a_plan(text, say):
    proposal = PLANNER.plan(text, NOTHING)
    assert (proposal.status, proposal.say) == ("answer", say)


def test_it_says_what_it_will_do():
    said = PLANNER.plan("put the red box in the left bin and then the blue one in the right bin", NOTHING).say
    assert said == "I will put the red box in the left bin, then put the blue box in the right bin."


def test_it_says_what_it_is_doing():
    context = PlanContext(doing="pick up the red box")
    assert PLANNER.plan("what are you doing?", context).say == "My task now: pick up the red box."


@pytest.mark.parametrize("text", ["stop", "please halt", "cancel that", "Never mind."])
def test_stop_is_a_proposal_of_its_own(text):
    assert PLANNER.plan(text, NOTHING).status == "stop"


@pytest.mark.parametrize(
    ("about", "reply", "short"),
    [
        ("put the red box in the bin", "left", "place red left"),
        ("put the red box in the bin", "The right one, please.", "place red right"),
        ("put the red box in the bin", "in the left bin", "place red left"),
        ("put it in the left bin", "red", "place red left"),
        ("put the box in the left bin", "the blue one", "place blue left"),
        ("pick up a box and go home", "yellow", "pick yellow; home"),
        ("put the box in the bin", "the red one in the left bin", "place red left"),
        ("put the box in the bin\nred", "left", "place red left"),
        ("put the red box in the bin", "pick up the blue box", "pick blue"),
        ("the red box", "pick it up", "pick red"),
    ],
)
def test_a_reply_fills_the_gap_of_the_question(about, reply, short):
    context = PlanContext(last_colour="green", question_about=about)
    assert PLANNER.plan(reply, context).steps == steps(short)


def test_a_reply_that_leaves_a_gap_is_asked_about_again():
    proposal = PLANNER.plan("red", PlanContext(question_about="put the box in the bin"))
    assert (proposal.say, proposal.question_about) == (WHICH_BIN, "put the box in the bin\nred")


def test_a_question_stays_open_after_words_that_answer_nothing():
    proposal = PLANNER.plan("purple", PlanContext(question_about="pick up a box"))
    assert (proposal.status, proposal.question_about) == ("refused", "pick up a box")


def test_it_is_the_box_spoken_of_last():
    assert PLANNER.plan("put it in the left bin", PlanContext(last_colour="red")).steps == steps("place red left")


def test_the_box_is_the_one_in_the_hand_and_no_other():
    held = PlanContext(last_colour="blue", held="red")
    assert PLANNER.plan("put the box in the left bin", held).steps == steps("place red left")
    assert PLANNER.plan("pick up the box", PlanContext(last_colour="blue")).status == "question"


def test_a_box_that_is_not_in_the_hand_is_not_put_down():
    assert PLANNER.plan("put down the red box", PlanContext(held="red")).steps == steps("down")
    said = PLANNER.plan("put down the red box", PlanContext(held="blue")).say
    assert said == "I can only put down a box that I hold, and I hold the blue box."


def test_too_many_steps_are_refused():
    text = ", ".join(["put the red box in the left bin"] + ["the blue one too"] * MAX_STEPS)
    assert PLANNER.plan(text, NOTHING).say == f"That is too much at once: {MAX_STEPS + 1} steps, at most {MAX_STEPS}."


@pytest.mark.parametrize("instruction", all_instructions(), ids=lambda i: i.sentence)
def test_every_wording_of_every_instruction_means_exactly_it(instruction):
    for sentence in wordings(instruction):
        for text in (sentence, sentence.upper(), f"{sentence.capitalize()}."):
            assert PLANNER.plan(text, NOTHING).steps == (instruction,), text


any_wording = st.sampled_from([(s, i) for i in all_instructions() if i.skill != "pick" for s in wordings(i)])


@given(st.lists(any_wording, min_size=1, max_size=5), st.sampled_from((" and then ", ", then ", "; ", ". ", " and ")))
def test_wordings_in_a_row_mean_their_steps_in_order(pairs, joint):
    proposal = PLANNER.plan(joint.join(sentence for sentence, _ in pairs), NOTHING)
    assert proposal.steps == tuple(instruction for _, instruction in pairs)


@given(st.text(max_size=200))
def test_junk_never_crashes_and_never_becomes_steps(text):
    proposal = PLANNER.plan(text, NOTHING)
    assert proposal.say
    assert proposal.steps == () or {"home", *COLOURS}.intersection(words.normalise(text).split())


vocabulary = sorted(
    {w for i in all_instructions() for s in wordings(i) for w in s.split()}
    | {
        "it",
        "and",
        "then",
        ",",
        "there",
        "too",
        "not",
        "one",
        "other",
        "same",
        "purple",
        "from",
        "a",
        "don't",
        "stop",
        ".",
    }
)
contexts = st.builds(
    PlanContext,
    last_colour=st.sampled_from(("", *COLOURS)),
    held=st.sampled_from(("", *COLOURS)),
    question_about=st.sampled_from(
        ("", "put the box in the bin", "put it in the bin\nred", "the red box", "pick up a box")
    ),
)


@given(st.lists(st.sampled_from(vocabulary), max_size=14), contexts)
def test_shuffled_words_never_crash_and_steps_only_name_what_was_said(parts, context):
    proposal = PLANNER.plan(" ".join(parts), context)
    said = {*parts, *context.question_about.split(), context.last_colour, context.held}
    for step in proposal.steps:
        assert not step.colour or step.colour in said
        assert not step.bin or step.bin in said or (BINS[1 - BINS.index(step.bin)] in said and "other" in said)
    if {"not", "purple", "don't"}.intersection(parts):
        assert proposal.steps == ()


@given(
    st.sampled_from([s for i in all_instructions() for s in wordings(i)]),
    st.integers(0, 12),
    st.text("bdfghjkqvwxz", min_size=4),
)
def test_one_unknown_word_anywhere_and_nothing_is_carried_out(sentence, where, word):
    parts = sentence.split()
    parts.insert(min(where, len(parts)), word)
    assert PLANNER.plan(" ".join(parts), NOTHING).steps == ()


def test_what_the_bench_knows_is_understood_where_the_policy_can_do_it():
    said, every = "press the button", OfflinePlanner(tuple(SLOTS))
    assert every.plan(said, NOTHING).steps == (Instruction("press"),)
    assert every.plan("red box on the blue box please", NOTHING).status != "plan"
    assert PLANNER.plan(said, NOTHING).status == "refused"


def test_a_skill_that_no_policy_has_is_refused_at_start():
    with pytest.raises(ConfigError, match="skills names fly; the skills are pick, place, .*, or all"):
        PlannerParams(skills=("pick", "fly"))
    assert PlannerParams(skills=("all",)).known_skills == tuple(SLOTS)
