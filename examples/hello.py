"""Loads a model, continues a prompt, prints the text as it is written.   hello.py MODEL [PROMPT]"""

import sys

import rorqual

if len(sys.argv) < 2:
    sys.exit(f"usage: {sys.argv[0]} MODEL [PROMPT]")
prompt = sys.argv[2] if len(sys.argv) > 2 else "Once upon a time"
try:
    model = rorqual.Model(sys.argv[1])
    session = model.session()
    print(prompt, end="")
    for piece in session.generate(prompt, max_tokens=40):
        print(piece, end="", flush=True)
    print()
except rorqual.Error as error:
    sys.exit(f"hello: {error}")
