from __future__ import annotations

import pytest

import rorqual


def begun(model: rorqual.Model, count: int) -> list[rorqual.Session]:
    sessions = [model.session() for _ in range(count)]
    for i, session in enumerate(sessions):
        session.sync([0, 5 + i, 6, 7])
        session.rewind(3)
    return sessions


def test_a_batch_writes_what_each_of_its_sessions_writes_alone(model: rorqual.Model) -> None:
    expected = ["".join(str(piece) for piece in session.generate(max_tokens=5)) for session in begun(model, 3)]
    sessions = begun(model, 3)
    streams = [session.generate(max_tokens=5) for session in sessions]
    text = ["", "", ""]
    for _ in range(5):
        assert rorqual.evaluate_batch(sessions) == [None, None, None]
        for i, stream in enumerate(streams):
            text[i] += str(next(stream))
    assert text == expected


def test_of_a_batch_each_session_has_its_own_error(model: rorqual.Model) -> None:
    sessions = begun(model, 3)
    sessions[1].cancel()
    failures = rorqual.evaluate_batch(sessions)
    assert failures[0] is None
    assert failures[2] is None
    assert isinstance(failures[1], rorqual.Cancelled)
    assert "cancelled" in str(failures[1])
    assert rorqual.evaluate_batch(sessions) == [None, None, None]


def test_what_an_observer_raises_in_a_batch_is_the_cause_of_its_sessions_error(model: rorqual.Model) -> None:
    sessions = begun(model, 2)

    def refuse(*_: object) -> None:
        raise KeyError("seen enough")

    with rorqual.observe(sessions[0], hidden=refuse):
        failures = rorqual.evaluate_batch(sessions)
    assert isinstance(failures[0], rorqual.CallbackFailed)
    assert isinstance(failures[0].__cause__, KeyError)
    assert failures[1] is None


def test_a_batch_that_makes_no_sense_is_refused(model: rorqual.Model) -> None:
    sessions = begun(model, 2)
    assert rorqual.evaluate_batch([]) == []
    with pytest.raises(rorqual.InvalidArgument, match=r"sessions\[2\]: stands twice"):
        rorqual.evaluate_batch([*sessions, sessions[0]])
    with pytest.raises(rorqual.WrongState, match=r"sessions\[2\]: an empty timeline"):
        rorqual.evaluate_batch([*sessions, model.session()])
    sessions[1].close()
    with pytest.raises(rorqual.WrongState, match="closed"):
        rorqual.evaluate_batch(sessions)
