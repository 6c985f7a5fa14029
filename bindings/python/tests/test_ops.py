from __future__ import annotations

import pytest

import rorqual
from rorqual import ops

numpy = pytest.importorskip("numpy")
rng = numpy.random.default_rng(1)


def floats(*shape: int) -> numpy.ndarray:
    return rng.standard_normal(shape).astype(numpy.float32)


def close(found: numpy.ndarray, expected: numpy.ndarray, terms: int) -> bool:
    """Sums of `terms` products in f32 against f64: each rounds by 2^-24 of what it adds to, in whatever order."""
    return bool(numpy.abs(found - expected).max(initial=0) <= 2**-22 * terms * max(1.0, numpy.abs(expected).max(initial=0)))


@pytest.mark.parametrize(("t", "k", "n"), [(1, 1, 1), (3, 127, 5), (8, 64, 130), (0, 4, 2)])
def test_matmul_of_every_weight_type_and_any_strides(t: int, k: int, n: int) -> None:
    x, w = floats(t, 2 * k)[:, :k], floats(n, k)
    assert close(ops.matmul(x, w), x.astype(float) @ w.T.astype(float), k)
    half = w.astype(numpy.float16)
    assert close(ops.matmul(x, half), x.astype(float) @ half.T.astype(float), k)
    bits = (w.view(numpy.uint32) >> 16).astype(numpy.uint16)
    bf16 = (bits.astype(numpy.uint32) << 16).view(numpy.float32)
    assert close(ops.matmul(x, bits), x.astype(float) @ bf16.T.astype(float), k)
    assert close(ops.matmul(numpy.asfortranarray(x), w), x.astype(float) @ w.T.astype(float), k)
    assert close(ops.matmul(x[::-1], w), x[::-1].astype(float) @ w.T.astype(float), k)


@pytest.mark.parametrize("form", ["naive", "absorbed", "automatic"])
@pytest.mark.parametrize(("first", "t"), [(0, 5), (7, 1), (3, 4)])
def test_latent_attention_is_the_paper_s(form: str, first: int, t: int) -> None:
    heads, rank, nope, pe, v = 3, 16, 8, 4, 6
    q, c_kv, k_pe = floats(t, heads * (nope + pe)), floats(first + t, rank), floats(first + t, pe)
    w = floats(heads * (nope + v), rank)
    expected = numpy.zeros((t, heads, v))
    for h in range(heads):
        block = w[h * (nope + v) : (h + 1) * (nope + v)].astype(float)
        keys = numpy.concatenate([c_kv @ block[:nope].T, k_pe], axis=1)
        values = c_kv @ block[nope:].T
        for i in range(t):
            seen = first + i + 1
            scores = keys[:seen] @ q[i].reshape(heads, -1)[h] / numpy.sqrt(nope + pe)
            p = numpy.exp(scores - scores.max())
            expected[i, h] = p / p.sum() @ values[:seen]
    found = ops.latent_attention(q, c_kv, k_pe, w, heads=heads, qk_nope_head_dim=nope, v_head_dim=v, first=first, form=form)
    assert close(found, expected.reshape(t, -1), 16 * rank)  # scores enter by exp: their error is multiplied by their size


@pytest.mark.parametrize("scoring", ["softmax", "sigmoid"])
def test_route_chooses_the_best_experts_of_the_best_groups(scoring: str) -> None:
    logits, bias = floats(9, 16), floats(16)
    e = numpy.exp(logits.astype(float))
    scores = e / e.sum(1, keepdims=True) if scoring == "softmax" else 1 / (1 + 1 / e)
    chosen = scores + bias
    best = numpy.sort(chosen.reshape(9, 4, 4), axis=2)[:, :, -2:].sum(2)
    kept = numpy.argsort(-best, axis=1)[:, :2]
    mask = numpy.zeros((9, 4), bool)
    numpy.put_along_axis(mask, kept, True, axis=1)
    allowed = numpy.where(numpy.repeat(mask, 4, axis=1), chosen, -numpy.inf)
    expected = numpy.argsort(-allowed, axis=1)[:, :3]
    ids, weights = ops.route(
        logits, 3, scoring=scoring, bias=bias, groups=4, groups_kept=2, group_score="top_two_sum", normalise=True, scale=2.5
    )
    assert numpy.array_equal(ids, expected)
    picked = numpy.take_along_axis(scores, expected, axis=1)
    assert close(weights, 2.5 * picked / picked.sum(1, keepdims=True), 16)


def test_norm_softmax_swiglu_and_rope_are_their_formulas() -> None:
    x, up, weight = floats(5, 33), floats(5, 33), floats(33)
    wide = x.astype(float)
    assert close(ops.rms_norm(x, weight, eps=1e-6), wide / numpy.sqrt((wide**2).mean(1, keepdims=True) + 1e-6) * weight, 33)
    e = numpy.exp(wide - wide.max(1, keepdims=True))
    assert close(ops.softmax(x), e / e.sum(1, keepdims=True), 33)
    assert close(ops.swiglu(x, up), wide / (1 + numpy.exp(-wide)) * up, 4)
    y = floats(3, 2 * 8)
    angle = (numpy.arange(3) + 5)[:, None] * 10000.0 ** (-numpy.arange(0, 4, 2) / 4)
    pairs = y.reshape(3, 2, 8)[:, :, 4:].astype(float)
    turned = y.reshape(3, 2, 8).astype(float).copy()
    cos, sin = numpy.cos(angle)[:, None], numpy.sin(angle)[:, None]
    turned[:, :, 4::2] = pairs[:, :, ::2] * cos - pairs[:, :, 1::2] * sin
    turned[:, :, 5::2] = pairs[:, :, ::2] * sin + pairs[:, :, 1::2] * cos
    assert close(ops.rope(y, heads=2, first=5, offset=4), turned.reshape(3, 16), 8)


def test_operations_agree_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    x, w, up = floats(7, 96), floats(40, 96), floats(7, 96)
    tx = torch.from_numpy(x)
    assert close(ops.matmul(x, w), (tx @ torch.from_numpy(w).T).numpy(), 96)
    assert close(ops.softmax(x), torch.softmax(tx, -1).numpy(), 96)
    assert close(ops.swiglu(x, up), (torch.nn.functional.silu(tx) * torch.from_numpy(up)).numpy(), 4)
    scores = torch.softmax(tx, -1)
    weights, ids = torch.topk(scores, 6, dim=-1)
    found_ids, found_weights = ops.route(x, 6)
    assert numpy.array_equal(found_ids, ids.numpy())
    assert close(found_weights, weights.numpy(), 96)


@pytest.mark.parametrize(
    ("operand", "attempt"),
    [
        ("x", lambda: ops.matmul(floats(3), floats(2, 3))),
        ("w", lambda: ops.matmul(floats(2, 3), floats(2, 4))),
        ("w", lambda: ops.matmul(floats(2, 3), numpy.ones((2, 3), int))),
        ("weight", lambda: ops.rms_norm(floats(2, 3), floats(4))),
        ("up", lambda: ops.swiglu(floats(2, 3), floats(2, 4))),
        ("bias", lambda: ops.route(floats(2, 8), 2, bias=floats(7))),
        ("experts", lambda: ops.route(floats(2, 8), 9)),
        ("scoring", lambda: ops.route(floats(2, 8), 2, scoring="tanh")),
        ("c_kv", lambda: ops.latent_attention(floats(3, 12), floats(2, 4), floats(3, 4), floats(14, 4), heads=1, qk_nope_head_dim=8, v_head_dim=6)),
        ("q", lambda: ops.latent_attention(floats(3, 11), floats(3, 4), floats(3, 4), floats(14, 4), heads=1, qk_nope_head_dim=8, v_head_dim=6)),
        ("w_kv_b", lambda: ops.latent_attention(floats(3, 12), floats(3, 4), floats(3, 4), floats(13, 4), heads=1, qk_nope_head_dim=8, v_head_dim=6)),
    ],
)  # fmt: skip
def test_wrong_shapes_are_refused_by_the_name_of_the_operand(operand: str, attempt: object) -> None:
    with pytest.raises(rorqual.InvalidArgument, match=operand):
        attempt()  # type: ignore[operator]
