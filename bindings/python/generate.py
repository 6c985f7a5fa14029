#!/usr/bin/env python3
"""Writes src/rorqual/_declarations.py from rorqual.h: constants, structs and functions, for ctypes.

    generate.py            writes the file
    generate.py --check    exit status 1 if the committed file is not what the header says

The header keeps to few forms (its checklist says so: fixed-width integers, pointers, no enums, no nested types), so this reads
them and refuses whatever else it finds, rather than guess.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADER = HERE.parents[1] / "capi/include/rorqual/rorqual.h"
OUTPUT = HERE / "src/rorqual/_declarations.py"

INTEGERS = {
    "int32_t": "c_int32", "uint32_t": "c_uint32", "int64_t": "c_int64", "uint64_t": "c_uint64", "size_t": "c_size_t", "float": "c_float",
    "double": "c_double", "char": "c_char",
}  # fmt: skip
PYTHON = {"float": "float", "double": "float", "char": "bytes"}
TYPEDEF_STRUCT = re.compile(r"typedef struct (\w+) \{(.*?)\} (\w+);", re.S)
TYPEDEF_OPAQUE = re.compile(r"typedef struct (\w+) (\w+);")
TYPEDEF_FUNCTION = re.compile(r"typedef (\w+) \(\*(\w+)\)\(([^)]*)\);", re.S)
FUNCTION = re.compile(r"RQ_API ([\w ]+?[ *]+)(rq_\w+)\(([^)]*)\);", re.S)
FUNCTION_FIELD = re.compile(r"(\w+ \*?)\(\*(\w+)\)\(([^)]*)\)")
CONSTANT = re.compile(r"^#define (RQ_\w+) (\d+)u?$", re.M)


def header_text() -> str:
    """rorqual.h with its parts in place of the lines that include them."""

    def part(line: re.Match[str]) -> str:
        return (HEADER.parent / line[1]).read_text(encoding="utf-8")

    return re.sub(r'^#include "(c/\w+\.h)".*$', part, HEADER.read_text(encoding="utf-8"), flags=re.M)


class Reader:
    def __init__(self, header: str) -> None:
        text = re.sub(r"/\*.*?\*/", " ", header, flags=re.S)
        self.constants = [(m[1], int(m[2])) for m in CONSTANT.finditer(re.sub(r"[ \t]+$", "", text, flags=re.M))]
        self.values = dict(self.constants)
        self.text = re.sub(r"\\\n", " ", text)
        self.structs = {m[1]: m[2] for m in TYPEDEF_STRUCT.finditer(self.text)}
        self.opaque = {m[1] for m in TYPEDEF_OPAQUE.finditer(self.text)}
        self.callbacks = {m[2]: (m[1], m[3]) for m in TYPEDEF_FUNCTION.finditer(self.text)}
        self.functions = [(m[2], m[1].strip(), m[3]) for m in FUNCTION.finditer(self.text)]
        declared = len(re.findall(r"^RQ_API ", self.text, re.M))
        if declared != len(self.functions):
            raise SystemExit(f"{HEADER.name}: {declared} functions, of which {len(self.functions)} could be read")
        if len(re.findall(r"\btypedef\b", self.text)) != len(self.structs) + len(self.opaque) + len(self.callbacks):
            raise SystemExit(f"{HEADER.name}: a typedef of a form that is not known")

    def type(self, words: str, *, parameter: bool) -> str:
        """The ctypes type of a declaration without its name, "const char *"."""
        words = words.replace("const", " ").strip()
        stars = words.count("*")
        base = words.replace("*", "").strip()
        if stars == 0:
            if base == "void":
                return "None"
            if base in INTEGERS:
                return INTEGERS[base]
            if base in self.callbacks:
                return base
        elif base in ("void", *INTEGERS) or base in self.structs or base in self.opaque or base in self.callbacks:
            if parameter and stars == 1 and base == "char":
                return "c_char_p"
            if parameter and stars == 1 and base in self.structs:
                return f"POINTER({base})"
            return "c_void_p"  # in structs too: reading such a field costs an int, not an object
        raise SystemExit(f"{HEADER.name}: type {words!r} is not known")

    def parameters(self, text: str) -> list[str]:
        text = " ".join(text.split())
        if text in ("", "void"):
            return []
        return [self.type(re.sub(r"\w+$", "", one.strip()), parameter=True) for one in text.split(",")]

    def callback(self, result: str, parameters: str) -> str:
        # Callbacks get plain numbers for pointers: their lengths are separate, so that nothing may be read up to a zero.
        kinds = [re.sub(r"c_char_p|POINTER\(\w+\)", "c_void_p", one) for one in self.parameters(parameters)]
        return f"CFUNCTYPE({', '.join([self.type(result, parameter=False), *kinds])})"

    def fields(self, body: str) -> list[tuple[str, str, str]]:
        found = []
        for declaration in (" ".join(one.split()) for one in body.split(";")):
            if not declaration:
                continue
            if function := FUNCTION_FIELD.fullmatch(declaration):
                found.append((function[2], self.callback(function[1], function[3]), "Any"))
                continue
            parsed = re.fullmatch(r"(.*?)(\w+)(?:\[(\w+)\])?", declaration)
            if not parsed:
                raise SystemExit(f"{HEADER.name}: field {declaration!r} is of a form that is not known")
            kind = self.type(parsed[1], parameter=False)
            python = PYTHON.get(parsed[1].strip(), "Any" if kind in self.callbacks else "int")
            if kind == "c_void_p":
                python = "Any"  # an address, None, or a ctypes object to take the address of
            if parsed[3]:
                count = int(parsed[3]) if parsed[3].isdigit() else self.values[parsed[3]]
                kind, python = f"{kind} * {count}", "bytes" if kind == "c_char" else "Any"
            found.append((parsed[2], kind, python))
        return found

    def module(self) -> str:
        lines = [
            '"""The C interface as rorqual.h declares it. Generated by generate.py: do not edit."""',
            "",
            "from __future__ import annotations",
            "",
            "from ctypes import (",
            "    CFUNCTYPE,",
            "    POINTER,",
            "    Structure,",
            "    c_char,",
            "    c_char_p,",
            "    c_double,",
            "    c_float,",
            "    c_int32,",
            "    c_int64,",
            "    c_size_t,",
            "    c_uint32,",
            "    c_uint64,",
            "    c_void_p,",
            ")",
            "from typing import Any",
            "",
        ]
        lines += [f"{name} = {value}" for name, value in self.constants]
        lines += [""]
        lines += [f"{name} = {self.callback(*signature)}" for name, signature in self.callbacks.items()]
        for name, body in self.structs.items():
            fields = self.fields(body)
            lines += ["", "", f"class {name}(Structure):"]
            lines += [f"    {field}: {python}" for field, _, python in fields]
            lines += ["", "    _fields_ = ["]
            lines += [f'        ("{field}", {kind}),' for field, kind, _ in fields]
            lines += ["    ]"]
        lines += ["", "", "# What each function returns and takes.", "FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {"]
        for name, result, parameters in self.functions:
            returned = "c_char_p" if "char" in result else self.type(result, parameter=False)
            lines.append(f'    "{name}": ({returned}, [{", ".join(self.parameters(parameters))}]),')
        return "\n".join([*lines, "}", ""])


def main() -> int:
    module = Reader(header_text()).module()
    if sys.argv[1:] == ["--check"]:
        current = OUTPUT.exists() and OUTPUT.read_text(encoding="utf-8") == module
        if not current:
            print(f"{OUTPUT.name} is not what {HEADER.name} says: run bindings/python/generate.py", file=sys.stderr)
        return 0 if current else 1
    OUTPUT.write_text(module, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
