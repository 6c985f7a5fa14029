"""Talks with a model, one line a turn; what was said before is not evaluated again.   chat.py MODEL [FORMAT [SEED]]"""

import sys

import rorqual

if len(sys.argv) < 2:
    sys.exit(f"usage: {sys.argv[0]} MODEL [FORMAT [SEED]]")
format = sys.argv[2] if len(sys.argv) > 2 else ""
seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
try:
    session = rorqual.Model(sys.argv[1]).session()
    messages = []
    for line in sys.stdin:
        messages.append({"role": "user", "content": line.rstrip("\n")})
        answer = ""
        for piece in session.chat(messages, format=format, max_tokens=200, temperature=0.8, seed=seed):
            print(piece, end="", flush=True)
            answer += piece
        print()
        messages.append({"role": "assistant", "content": answer})
except rorqual.Error as error:
    sys.exit(f"chat: {error}")
