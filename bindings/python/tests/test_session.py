from __future__ import annotations

import gc
from pathlib import Path

import pytest
from conftest import TALE

import rorqual

numpy = pytest.importorskip("numpy")


def test_sync_keeps_the_common_prefix(session: rorqual.Session) -> None:
    assert session.sync([0, 5, 6, 7]) == (0, 4)
    kept, evaluated = session.sync([0, 5, 6, 8, 9])
    assert kept == 3
    assert evaluated == 2
    assert session.tokens == [0, 5, 6, 8, 9]
    assert len(session) == 5


def test_rewound_forked_and_fresh_sessions_have_the_same_logits(model: rorqual.Model, session: rorqual.Session) -> None:
    session.sync([0, 5, 6, 7])
    rows = session.append_logits([8, 9])
    assert rows.shape == (2, model.info.vocab_size)
    assert numpy.array_equal(rows[1], session.logits())
    fork = session.fork()
    session.rewind(5)
    assert numpy.array_equal(session.logits(), rows[0])
    assert numpy.array_equal(fork.logits(), rows[1])
    fresh = model.session()
    fresh.sync([0, 5, 6, 7, 8])
    assert numpy.array_equal(fresh.logits(), rows[0])


def test_a_view_of_logits_outlives_session_and_model() -> None:
    model = rorqual.Model({name: (TALE / name).read_bytes() for name in ("config.json", "model.safetensors")})
    session = model.session()
    session.sync([0, 5, 6])
    copy, view = session.logits(), session.logits(copy=False)
    assert not view.flags.writeable
    assert view.dtype == numpy.float32
    session.close()
    model.close()
    del session, model
    gc.collect()
    others = [rorqual.Model(TALE).session() for _ in range(3)]  # would take the memory over
    for other in others:
        other.sync([0, 1])
    assert numpy.array_equal(copy, view)


def test_metrics_count_what_was_evaluated(session: rorqual.Session) -> None:
    list(session.generate("Once upon a time", max_tokens=5))
    metrics = session.metrics
    assert metrics.prefill_tokens == len(session.tokens_of("Once upon a time"))
    assert metrics.decode_tokens == 4
    assert metrics.cache_bytes > 0


def test_a_model_tells_its_sizes_plan_and_kernels(model: rorqual.Model) -> None:
    assert model.info.layers == model.config["num_hidden_layers"]
    assert model.plan(context=128).cache_bytes == 128 * model.plan().cache_per_token_bytes
    assert not model.info.has_compact_cache
    with pytest.raises(rorqual.Unsupported, match="compact"):
        model.plan(cache="compact")
    assert rorqual.plan(TALE).weights_bytes == model.plan().weights_bytes == sum(t.size_bytes for t in model.tensors)
    assert "threads:" in model.kernels
    assert len(model.identity) == 32
    assert set(model.sampling) <= set(rorqual.GenerationOptions.__annotations__)
    lines: list[tuple[int, str]] = []
    rorqual.Model(TALE, threads=1, log=lambda level, line: lines.append((level, line)))
    assert all("\n" not in line for _, line in lines)


def test_an_observer_sees_the_experts_that_tokens_chose(session: rorqual.Session) -> None:
    seen: list[tuple[int, int, tuple[int, ...]]] = []
    hidden: list[int] = []
    with rorqual.observe(
        session, hidden=lambda layer, position, x: hidden.append(layer), experts=lambda l, p, ids, w: seen.append((l, p, ids.shape))
    ):
        session.sync([0, 5, 6])
    assert seen == [(layer, 0, (3, 4)) for layer in range(1, 5)]
    assert hidden == [-1, 0, 1, 2, 3, 4]
    session.append([7])
    assert len(seen) == 4  # nobody looks on any more


def test_what_an_observer_raises_stops_the_evaluation(session: rorqual.Session) -> None:
    def stop(*_: object) -> None:
        raise KeyError("enough")

    with rorqual.observe(session, experts=stop), pytest.raises(rorqual.CallbackFailed) as raised:
        session.sync([0, 5, 6])
    assert isinstance(raised.value.__cause__, KeyError)
    session.sync([0, 5, 6])


def test_an_observer_that_calls_its_session_is_refused(session: rorqual.Session) -> None:
    caught: list[BaseException] = []

    def call_in(*_: object) -> None:
        try:
            len(session)
        except rorqual.WrongState as error:
            caught.append(error)

    generation = session.generate([0, 5, 6])
    next(generation)
    generation.close()
    with rorqual.observe(session, experts=call_in):
        for _ in session.generate(max_tokens=2):
            pass
    assert caught


def test_models_are_written_quantised_packed_and_made_up(tmp_path: Path) -> None:
    steps: list[int] = []
    rorqual.quantize(TALE, tmp_path / "q8.gguf", format="q8_0", progress=lambda done, total, tensor: steps.append(done))
    assert steps
    rorqual.pack(tmp_path / "q8.gguf", tmp_path / "q8.safetensors")
    rorqual.synthesize(tmp_path / "tiny.gguf", geometry="v2-tiny", format="q8_0", seed=3)
    for name in ("q8.gguf", "q8.safetensors", "tiny.gguf"):
        assert list(rorqual.Model(tmp_path / name).session().generate("Once", max_tokens=2))

    def stop(done: int, total: int, tensor: str) -> None:
        raise InterruptedError

    with pytest.raises(rorqual.CallbackFailed) as raised:
        rorqual.quantize(TALE, tmp_path / "none.gguf", format="q8_0", progress=stop)
    assert isinstance(raised.value.__cause__, InterruptedError)
    assert not (tmp_path / "none.gguf").exists()


def test_a_saved_session_comes_back_to_the_bit(model: rorqual.Model, tmp_path: Path) -> None:
    session = model.session()
    session.append([3, 4, 5])
    session.save(tmp_path / "saved")
    other = model.session()
    other.load(tmp_path / "saved")
    assert other.tokens == [3, 4, 5]
    assert list(other.logits()) == list(session.logits())
    (tmp_path / "saved").write_bytes((tmp_path / "saved").read_bytes()[:-1])
    with pytest.raises(rorqual.Corrupt):
        other.load(tmp_path / "saved")
    assert other.tokens == [3, 4, 5]


def test_guesses_change_nothing_that_is_written(model: rorqual.Model) -> None:
    prompt = "the king and the king and the king"
    written = ["".join(map(str, model.session(drafting=who).generate(prompt, max_tokens=60))) for who in ("none", "lookup")]
    assert written[0] == written[1]
    with pytest.raises(ValueError, match="drafting"):
        model.session(drafting="luck")
