"""Draws how sure a model was of each token it wrote, with the tokens it thought of instead.

    token_probabilities.py MODEL [PROMPT] [-o PICTURE]        needs numpy and matplotlib
"""

import argparse

import matplotlib
import numpy

import rorqual

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

CANDIDATES = 6


def steps(model: rorqual.Model, prompt: str, count: int) -> list[tuple[int, list[tuple[int, float]]]]:
    """Of each token written: the token, and the likeliest ones with their probabilities."""
    session = model.session(context=len(model.encode_prompt(prompt)) + count + 1)
    session.sync(prompt)
    found = []
    for _ in range(count):
        probabilities = rorqual.ops.softmax(session.logits()[None, :])[0]
        best = numpy.argsort(-probabilities)[:CANDIDATES]
        token = int(best[0])
        found.append((token, [(int(one), float(probabilities[one])) for one in best]))
        if token in model.stop_tokens:
            break
        session.append([token])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("prompt", nargs="?", default="Once upon a time")
    parser.add_argument("-o", "--output", default="probabilities.png")
    parser.add_argument("--tokens", type=int, default=20)
    given = parser.parse_args()
    model = rorqual.Model(given.model)
    found = steps(model, given.prompt, given.tokens)
    grid = numpy.array([[p for _, p in candidates] for _, candidates in found]).T
    figure, axis = pyplot.subplots(figsize=(1 + 0.8 * len(found), 3.2))
    axis.imshow(grid, aspect="auto", cmap="Blues", vmin=0, vmax=1)
    for column, (_, candidates) in enumerate(found):
        for row, (token, probability) in enumerate(candidates):
            text = model.tokenizer.decode([token], special=True).strip() or "·"
            axis.text(column, row, f"{text}\n{probability:.0%}", ha="center", va="center", fontsize=7, color="white" if probability > 0.6 else "black")
    axis.set_yticks(range(CANDIDATES), [f"{rank + 1}." for rank in range(CANDIDATES)])
    axis.set_xticks([])
    axis.set_title(f"{given.prompt!r} goes on: each column a token, its likeliest candidates from the top")
    figure.tight_layout()
    figure.savefig(given.output, dpi=120)


if __name__ == "__main__":
    main()
