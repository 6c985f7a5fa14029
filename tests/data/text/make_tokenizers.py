"""Makes the small tokenizers and their vectors: python3 make_tokenizers.py, with the package tokenizers 0.23.3.

Each tokenizer.json here is built from the first merges of the story model's tokenizer, so that it stays small; the ids are
what Hugging Face `tokenizers` gives for them. `ids`: added tokens recognised; `plain`: none recognised.
"""

import copy
import json
import pathlib
import random
import sys

import tokenizers

HERE = pathlib.Path(__file__).parent
MERGES = 400
SPACES = "".join(map(chr, [0x09, 0x0A, 0x0B, 0x0D, 0x20, 0x85, 0xA0, 0x1680, 0x180E, 0x2003, 0x2028, 0x202F, 0x3000]))
SAMPLES = [
    "", " ", "a", "\n", "\0", "Hello, world!", "  two  spaces ", "don't I'LL we've", "1234567 8", "x=1;y+=.5e-3", "a\r\n\r\n b\t\tc \n",
    "naïve café Ångström", "e\u0301 \u212b \u1e9b\u0323 a\u1acc\u1dcf", "漢字かなカナ・混じり 文", "한국어 텍스트", "مرحبا ٣٤٥", "👩‍👩‍👧 🏳️‍🌈",
    "‘quoted’ “x” …", "！　。、", "Ⅻ½²", "ẞß ſ K", "<tag> <tag>x", " <tag> \t<tag>", "a<tag><tag >b", "<a><ab><abc", "word<|end|>word", "<|end|>",
    "<｜begin▁of▁sentence｜>Hi<｜end▁of▁sentence｜>", "<think>hmm</think>", "x" * 100, " " * 70 + "y", "aaaa bbbb" * 20,
    "--==--and--", "pre--fix", "\u180e\u180ea", "\u1c89\ua7cb \U00031350\U0001e5d0",
]


def base():
    source = json.loads((HERE / "../../../examples/models/tale/tokenizer.json").read_text(encoding="utf-8"))
    merges = source["model"]["merges"][:MERGES]
    letters = [key for key in source["model"]["vocab"] if len(key) == 1]
    specials = [token["content"] for token in source["added_tokens"]]
    keys = specials + letters + ["".join(pair) for pair in merges]
    source["model"]["merges"] = merges
    source["model"]["vocab"] = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    return source


def added(tokenizer, content, **flags):
    known = tokenizer["added_tokens"]
    fresh = max([*tokenizer["model"]["vocab"].values(), *(token["id"] for token in known)]) + 1
    token = {"id": fresh, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": False}
    known.append(token | flags)


def split(pattern, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": "Isolated", "invert": False}


def byte_level(prefix=False, regex=False):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


def variants():
    v3 = base()
    added(v3, "<think>", normalized=False)
    added(v3, "</think>", normalized=False)
    yield "v3", v3

    v2 = copy.deepcopy(v3)
    v2["pre_tokenizer"] = json.loads((HERE / "v2_steps.json").read_text(encoding="utf-8"))
    yield "v2", v2

    coder = base()
    coder["pre_tokenizer"] = sequence(split("[\r\n]"), split("\\s?\\p{L}+"), split("\\s?\\p{P}+"), split("[一-龥ࠀ-一가-퟿]+"),
                                      {"type": "Digits", "individual_digits": True}, byte_level())
    yield "coder", coder

    gpt2 = base()
    gpt2["pre_tokenizer"] = byte_level(prefix=True, regex=True)
    added(gpt2, "<tag>", lstrip=True)
    added(gpt2, "<|end|>", rstrip=True, special=True, normalized=False)
    yield "gpt2", gpt2

    qwen = base()
    qwen["normalizer"] = {"type": "NFC"}
    qwen["pre_tokenizer"] = sequence(split(
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"), byte_level())
    added(qwen, "caf\u00e9", special=True)
    added(qwen, "<a>"), added(qwen, "<ab>"), added(qwen, "<ab><abc", normalized=False)
    qwen["model"]["ignore_merges"] = True
    yield "qwen", qwen

    odd = base()
    odd["normalizer"] = None
    odd["pre_tokenizer"] = sequence(split("--", "String"), {"type": "Digits", "individual_digits": False}, split("x*"), split("(?<=b)b"), byte_level(prefix=True))
    odd["model"]["merges"] = [" ".join(pair) for pair in odd["model"]["merges"]]
    odd["post_processor"] = {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}],
                             "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": {}}
    added(odd, "<tag>", lstrip=True, rstrip=True)
    yield "odd", odd


def texts():
    yield from SAMPLES
    draw = random.Random(1)
    words = ["the", " King", "'s", "'T", " 12", "3456", "--", "xx", "bbb", "caf\u00e9", "cafe\u0301", "<tag>", "<think>", "<ab><abc", "<|end|>", "한국", "漢字", "カ・", "é", "Ω"]
    for _ in range(150):
        parts = []
        for _ in range(draw.randrange(1, 16)):
            kind = draw.randrange(5)
            if kind < 2:
                parts.append(draw.choice(words))
            elif kind == 2:
                parts.append(draw.choice(SPACES) * draw.randrange(1, 4))
            elif kind == 3:
                parts.append(chr(draw.randrange(0x21, 0x3100)))
            else:
                parts.append(chr(draw.choice([draw.randrange(0x20, 0x7F), draw.randrange(0xA000, 0xD7FF), draw.randrange(0xF900, 0x1FAFF)])))
        yield "".join(parts)


def main():
    if tokenizers.__version__ != "0.23.3":
        sys.exit("tokenizers 0.23.3 wanted")
    rows = [{"text": text} for text in dict.fromkeys(texts())]
    for name, content in variants():
        path = HERE / f"{name}.json"
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        with_added = tokenizers.Tokenizer.from_file(str(path))
        content["added_tokens"] = []
        without = tokenizers.Tokenizer.from_str(json.dumps(content))
        for row in rows:
            if name == "gpt2" and not row["text"]:
                continue   # whether nothing gets a space in front depends on which added tokens there are
            row[name] = with_added.encode(row["text"], add_special_tokens=False).ids
            row[f"{name}.plain"] = without.encode(row["text"], add_special_tokens=False).ids
            row[f"{name}.decoded"] = with_added.decode(row[name], skip_special_tokens=True)
    (HERE / "vectors.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="ascii")


if __name__ == "__main__":
    main()
