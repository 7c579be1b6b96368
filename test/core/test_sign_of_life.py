"""Who repeats that he is there and then falls silent is noticed; who promised nothing is not waited for."""

from optimus_nodes.core.sign_of_life import SignOfLife


def signs(*times: float) -> SignOfLife:
    one = SignOfLife()
    for at in times:
        one.heard(at)
    return one


def test_nobody_is_silent_who_never_repeated_a_sign():
    assert not signs().silent(9.0, 0.1)
    assert not signs(1.0).silent(9.0, 0.1)


def test_silence_is_noticed():
    one = signs(1.0, 1.04, 1.08)
    assert not one.silent(1.17, 0.1)
    assert one.silent(1.19, 0.1)


def test_whose_signs_are_rare_is_given_longer():
    one = signs(1.0, 1.5)
    assert not one.silent(2.6, 0.1)
    assert one.silent(2.8, 0.1)


def test_one_late_sign_does_not_make_the_others_rare():
    assert signs(1.0, 1.04, 1.08, 1.3).silent(1.41, 0.1)
    assert not signs(1.0, 1.04, 1.3, 1.6, 1.9, 2.2).silent(2.7, 0.1), "by now he is slower"


def test_what_is_no_repetition_promises_none():
    one = SignOfLife()
    one.heard(1.0)
    one.heard(1.04, again=False)
    assert not one.silent(9.0, 0.1)


def test_after_another_began_the_signs_of_the_first_are_forgotten():
    one = signs(1.0, 1.04)
    one.forget()
    assert not one.silent(9.0, 0.1)
    one.heard(9.0)
    assert not one.silent(12.0, 0.1)
