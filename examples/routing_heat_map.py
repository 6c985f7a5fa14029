"""Draws which experts which tokens chose: a picture with one row an expert and layer, one column a token.

    routing_heat_map.py MODEL [TEXT] [-o PICTURE]        needs numpy and matplotlib
"""

import argparse

import matplotlib
import numpy

import rorqual

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402


def chosen_experts(model: rorqual.Model, tokens: list[int]) -> dict[int, numpy.ndarray]:
    """Of each expert layer, the weight of every expert for every token: [experts, tokens], 0 = not chosen."""
    layers: dict[int, numpy.ndarray] = {}

    def look(layer: int, position: int, ids: numpy.ndarray, weights: numpy.ndarray) -> None:
        seen = layers.setdefault(layer, numpy.zeros((model.info.routed_experts, len(tokens))))
        for row, (experts, shares) in enumerate(zip(ids, weights)):
            seen[experts, position + row] = shares

    session = model.session(context=len(tokens))
    with rorqual.observe(session, experts=look):
        session.sync(tokens)
    return layers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("text", nargs="?", default="Once upon a time there was a king who had three daughters")
    parser.add_argument("-o", "--output", default="routing.png")
    given = parser.parse_args()
    model = rorqual.Model(given.model)
    tokens = model.encode_prompt(given.text)
    layers = chosen_experts(model, tokens)
    if not layers:
        parser.exit(1, f"{given.model}: no layer has experts\n")
    figure, axes = pyplot.subplots(
        len(layers), 1, sharex=True, squeeze=False, figsize=(2 + 0.4 * len(tokens), 1 + 0.14 * len(layers) * model.info.routed_experts)
    )
    for axis, (layer, shares) in zip(axes[:, 0], sorted(layers.items())):
        axis.imshow(shares, aspect="auto", cmap="magma", vmin=0)
        axis.set_ylabel(f"layer {layer}\nexpert")
    names = [model.tokenizer.decode([token], special=True).strip().replace("\uff5c", "|") for token in tokens]  # which few fonts have
    axes[-1, 0].set_xticks(range(len(tokens)), names, rotation=60, ha="right")
    figure.suptitle(f"Experts chosen, brighter = heavier ({model.info.experts_per_token} of {model.info.routed_experts} a token)")
    figure.tight_layout()
    figure.savefig(given.output, dpi=120)


if __name__ == "__main__":
    main()
