"""What a generation may write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ._library import Handle, create, utf8


class Grammar:
    """A set of texts. Immutable: any number of threads and generations may use one at once.

    Grammar('root ::= "yes" | "no"')    rules in extended Backus-Naur form: rorqual.h, rq_grammar_from_rules
    Grammar.json_schema({...})          the JSON texts that a JSON Schema admits
    """

    _handle: Handle

    def __init__(self, rules: str) -> None:
        """Raises InvalidArgument with line and column."""
        text = utf8(rules)
        self._handle = create("rq_grammar_from_rules", "rq_grammar_free", text, len(text))

    @classmethod
    def json_schema(cls, schema: Mapping[str, Any] | bool | str) -> Grammar:
        """Raises InvalidArgument with the place in the schema; Unsupported for keywords that cannot be kept to."""
        text = utf8(schema if isinstance(schema, str) else json.dumps(schema, ensure_ascii=False))
        grammar = cls.__new__(cls)
        grammar._handle = create("rq_grammar_from_json_schema", "rq_grammar_free", text, len(text))
        return grammar
