#!/usr/bin/env python3
"""Writes jinja.json: what Jinja2, set up as Hugging Face transformers does, makes of the templates below.

    python3 make_jinja.py > jinja.json          needs the package jinja2; made with 3.1.6

Templates are written for this file, in the manner of published ones. Each case: a template, what it is told, and the text or that it fails.
"""

import json

from jinja2.exceptions import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    """{% generation %} only marks what it encloses."""

    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


def raise_exception(message):
    raise TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


ENVIRONMENT = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
ENVIRONMENT.filters["tojson"] = tojson
ENVIRONMENT.globals["raise_exception"] = raise_exception

TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a <place> & its \"mood\"",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "Où?"},
                "days": {"type": "integer", "maximum": 18446744073709551615, "default": 1.50, "enum": [1, 2, None, True]},
            },
            "required": ["place"],
        },
    },
}
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}


def call(name, arguments):
    return {"id": "call00001", "type": "function", "function": {"name": name, "arguments": arguments}}


TALKS = {
    "one": [{"role": "user", "content": "Hello"}],
    "system": [{"role": "system", "content": "Be brief.\n"}, {"role": "user", "content": "  Hello  "}],
    "turns": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "1 < 2 & \"3\"?"},
        {"role": "assistant", "content": "<think>\nHm.\n</think>\n\nYes."},
        {"role": "user", "content": "Sûr? 日本 🐋"},
        {"role": "assistant", "content": "Yes. "},
        {"role": "user", "content": "Thanks\n"},
    ],
    "tools": [
        {"role": "system", "content": "Help.", "tools": [WEATHER, ADD]},
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": "", "tool_calls": [call("weather", {"place": "Kiel", "days": 2}), call("add", {})]},
        {"role": "tool", "name": "weather", "tool_call_id": "call00001", "content": "{\"rain\": true}"},
        {"role": "tool", "name": "add", "tool_call_id": "call00001", "content": "0"},
        {"role": "assistant", "content": "Rain.", "reasoning_content": "It rains."},
        {"role": "user", "content": "And tomorrow?"},
    ],
    "called": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call("weather", "{\"place\": \"Kiel\"}")]},
        {"role": "tool", "content": "rain"},
    ],
    "parts": [{"role": "user", "content": [{"type": "text", "text": "See "}, {"type": "image"}, {"type": "text", "text": "this"}]}],
    "wrong": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    "none": [],
}

TEMPLATES = {}

TEMPLATES["marked"] = """\
{% for message in messages %}
{{ '<|begin|>' + message['role'] + '\\n' + message['content'] + '<|end|>' + '\\n' }}
{% endfor %}
{% if add_generation_prompt %}
{{ '<|begin|>assistant\\n' }}
{% endif %}
"""

TEMPLATES["default system"] = """\
{%- if messages and messages[0]['role'] == 'system' -%}
    {%- set system = messages[0].content | trim -%}
    {%- set rest = messages[1:] -%}
{%- else -%}
    {%- set system = "You help." -%}
    {%- set rest = messages -%}
{%- endif -%}
{{- bos_token ~ '<|head|>system<|/head|>\\n\\n' -}}
{%- if date_string is defined %}{{ 'Today: ' ~ date_string ~ '\\n' }}{% endif -%}
{{- system + '<|eot|>' }}
{%- for m in rest %}
    {%- if not (m.role == 'ipython' or m.role == 'tool' or 'tool_calls' in m) %}
        {{- '<|head|>' + m['role'] + '<|/head|>\\n\\n' + m['content'] | trim + '<|eot|>' }}
    {%- elif m.tool_calls %}
        {%- for call in m.tool_calls %}
            {{- '<|head|>assistant<|/head|>\\n\\n{"name": "' + call.function.name + '", "parameters": ' }}
            {{- call.function.arguments | tojson }}
            {{- '}<|eot|>' }}
        {%- endfor %}
    {%- else %}
        {{- "<|head|>ipython<|/head|>\\n\\n" }}
        {%- if m.content is mapping or m.content is iterable and m.content is not string %}
            {{- m.content | tojson }}
        {%- else %}
            {{- m.content }}
        {%- endif %}
        {{- "<|eot|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|head|>assistant<|/head|>\\n\\n' }}
{%- endif %}
"""

TEMPLATES["brackets"] = """\
{% if messages|length > 0 and messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{{ bos_token }}{% for message in loop_messages | rejectattr('role', 'in', ['tool', 'tool_results']) | selectattr('content') %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<S>>\\n' + system_message + '\\n<</S>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ '[I] ' + content.strip() + ' [/I]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"""

TEMPLATES["tools in tags"] = """\
{%- if tools %}
    {{- '<|begin|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- endif %}
    {{- "# Tools\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|end|>\\n" }}
{%- elif messages and messages[0].role == 'system' %}
    {{- '<|begin|>system\\n' + messages[0].content + '<|end|>\\n' }}
{%- endif %}
{%- set ns = namespace(last=true, at=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.last and message.role == "user" and message.content is string and not(message.content.startswith('<got>') and message.content.endswith('</got>')) %}
        {%- set ns.last = false %}
        {%- set ns.at = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|begin|>' + message.role + '\\n' + content + '<|end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|begin|>' + message.role }}
        {% generation %}
        {%- if loop.index0 > ns.at and (loop.last or reasoning) %}
            {{- '\\n<think>\\n' + reasoning.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '\\n' + content }}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}
                {%- if (loop.first and content) or (not loop.first) %}{{- '\\n' }}{%- endif %}
                {%- if tool_call.function %}
                    {%- set tool_call = tool_call.function %}
                {%- endif %}
                {{- '<call>\\n{"name": "' }}
                {{- tool_call.name }}
                {{- '", "arguments": ' }}
                {%- if tool_call.arguments is string %}
                    {{- tool_call.arguments }}
                {%- else %}
                    {{- tool_call.arguments | tojson }}
                {%- endif %}
                {{- '}\\n</call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|end|>\\n' }}
        {% endgeneration %}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|begin|>user' }}
        {%- endif %}
        {{- '\\n<got>\\n' ~ content ~ '\\n</got>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|begin|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
"""

TEMPLATES["macros"] = """\
{#- What tools there are, written as a program would. -#}
{%- macro type_of(spec, depth=0) -%}
    {%- if spec.type == 'string' -%}
        {{- '"' + spec.enum|join('" | "') + '"' if spec.enum else 'string' -}}
    {%- elif spec.type == 'object' -%}
        {{- '{' -}}
        {%- for name, inner in spec.properties|dictsort -%}
            {{- name }}{{ '' if name in spec.get('required', []) else '?' }}: {{ type_of(inner, depth=depth + 1) -}}
            {%- if not loop.last %}, {% endif -%}
        {%- endfor -%}
        {{- '}' -}}
    {%- else -%}
        {{- spec.type | upper }}@{{ depth -}}
    {%- endif -%}
{%- endmacro -%}
{%- macro content_of(message) -%}
    {%- if message.content is string -%}
        {{- message.content -}}
    {%- else -%}
        {%- for part in message.content if part.type == 'text' -%}
            {{- part['text'] -}}
        {%- else -%}
            nothing
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}
{{- bos_token -}}
{%- for tool in tools or [] %}
    {%- set f = tool.function %}
type {{ f.name }} = {{ type_of(f.parameters) }} // {{ f.description | default('no word', true) }}
{% endfor -%}
{% for message in messages -%}
    <{{ message.role }}>{{ content_of(message) | trim }}</{{ message.role }}>
    {%- if loop.nextitem is defined and loop.nextitem.role == message.role %}!{% endif %}
    {%- if loop.previtem is defined %}<{{ loop.previtem.role[0] }}>{% endif %}

{% endfor %}
{%- if add_generation_prompt -%} <assistant>{%- endif -%}
"""

# One construct each. `v` is a value of each kind.
VALUES = {
    "v": {
        "text": "  Hello, Wörld! ", "empty": "", "number": 7, "real": 2.5, "yes": True, "no": False, "nothing": None,
        "list": [3, 1, 2], "words": ["b", "A", "c", "a"], "dict": {"z": 1, "a": [1, {"k": "é\n\"'"}]}, "none_at_all": [],
        "people": [{"name": "Bo", "age": 3, "of": {"town": "Kiel"}}, {"name": "al", "age": None}, {"name": "Cy", "age": 9, "tags": ["x"]}],
        "big": 123456789012345678901234567890, "small": 1e-7, "large": 1e22, "digits": " 42 ",
    }
}

SNIPPETS = """
{{ 1 + 2 * 3 - 4 // 3 }} {{ 7 / 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 7.5 // 2 }} {{ 1e3 }} {{ 10_000 }}
{{ 1 < 2 < 3 }} {{ 3 > 2 > 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' < 'b' }} {{ 'a' != 'a' }} {{ none == none }} {{ [1, 2] == [1, 2] }} {{ {'a': 1} == {'a': 1.0} }}
{{ not true and false or 'x' }} {{ '' or 'y' }} {{ 0 and 1 }} {{ not 1 == 2 }} {{ 1 in [1, 2] }} {{ 3 not in [1, 2] }} {{ 'ell' in v.text }} {{ 'z' in v.dict }} {{ 1 in undefined_thing }}
{{ 'a' ~ 1 ~ none ~ true ~ 1.5 }} {{ 'ab' * 3 }} {{ [1] + [2] }} {{ 3 * 'x' }} {{ 'a' 'b' "c" }}
{{ v.text }}|{{ v.text | trim }}|{{ v.text.strip()[:5].upper() }}|{{ v.text | length }}|{{ v.text.lstrip() }}|{{ v.text.rstrip(' !') }}|{{ 'xxaxx'.strip('x') }}
{{ v.text[2:7] }}|{{ v.text[-3] }}|{{ v.text[::-1] }}|{{ v.text[::2] }}|{{ v.text[10:2:-3] }}|{{ v.text[99:] }}|{{ v.text[:-99] }}
{{ v.list[0] }} {{ v.list[-1] }} {{ v.list[1:] }} {{ v.list[::-1] }} {{ v.list[:2] }} {{ v.list[5] is defined }} {{ v.list[-1:] }} {{ v.list[7:1:-2] }}
{{ v.dict }} {{ v.dict['z'] }} {{ v.dict.a }} {{ v.dict.missing is defined }} {{ v.dict.get('q') }} {{ v.dict.get('q', 5) }} {{ v.dict.a[1].k }}
{% for k, x in v.dict.items() %}{{ k }}={{ x }};{% endfor %} {{ v.dict.keys() | list }} {{ v.dict.values() | list }} {{ v.dict | items | list | length }}
{{ v.dict | tojson }} {{ v.dict | tojson(indent=2) }} {{ [] | tojson(indent=4) }} {{ {} | tojson }} {{ '<é&>' | tojson }} {{ v.dict | tojson(separators=(',', ':')) }} {{ v.dict | tojson(sort_keys=true) }}
{{ v.big }} {{ v.big | tojson }} {{ v.small }} {{ v.large }} {{ [v.small, v.big, none, true, 'it\\'s', "a\\"b", 'c\\'"d', '\\n\\t\\x01'] }}
{{ v.list | sort }} {{ v.words | sort }} {{ v.words | sort(case_sensitive=true) }} {{ v.words | sort(reverse=true) }} {{ v.list | max }} {{ v.list | min }} {{ v.list | sum }} {{ v.words | unique | list }}
{{ v.people | map(attribute='name') | join(', ') }} {{ v.people | selectattr('age') | map(attribute='name') | list }} {{ v.people | map(attribute='of.town', default='?') | list }} {{ v.people | selectattr('age', 'eq', 9) | list | length }}
{{ v.people | rejectattr('age', 'none') | map(attribute='age') | sum }} {{ v.words | map('upper') | join }} {{ v.list | select('odd') | list }} {{ v.list | reject('gt', 1) | list }} {{ v.people | sort(attribute='name') | map(attribute='name') | list }}
{{ v.people | selectattr('tags', 'defined') | map(attribute='name') | first }} {{ v.words | first }} {{ v.words | last }} {{ v.none_at_all | first is defined }} {{ v.text | list | length }} {{ v.words | reverse | list }} {{ 'abc' | reverse }}
{{ missing | default('d') }} {{ '' | default('d') }} {{ '' | default('d', true) }} {{ none | default('d') }} {{ missing | d }}| {{ missing }}| {{ missing is defined }} {{ missing is undefined }}
{{ v.number is number }} {{ v.real is float }} {{ v.number is integer }} {{ v.yes is boolean }} {{ v.yes is true }} {{ v.no is false }} {{ v.nothing is none }} {{ v.text is string }} {{ v.dict is mapping }} {{ v.list is sequence }} {{ v.text is iterable }} {{ 3 is odd }} {{ 3 is even }} {{ 9 is divisibleby 3 }} {{ 4 is divisibleby(3) }} {{ 'A' is upper }} {{ 1 is in [1] }} {{ 1 is not in [1] }} {{ 2 is eq 2 }} {{ 2 is gt(1) }} {{ none is not none }} {{ yes is boolean }} {{ true is number }} {{ missing is iterable }} {{ range is callable }}
{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a b c'.split(none, 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ 'a\\nb\\n'.splitlines() }} {{ '-'.join(['x', 'y']) }} {{ 'abcabc'.find('c') }} {{ 'abcabc'.count('b') }} {{ 'é1é'.find('1') }}
{{ 'hello world'.title() }} {{ 'hELLO wORLD' | capitalize }} {{ 'aBc' | lower }} {{ "it's here" | title }} {{ 'a1b' | upper }} {{ 'x-y (z)' | title }}
{{ 'aXbXc'.replace('X', '--') }} {{ 'aXbXc' | replace('X', '', 1) }} {{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'bc')) }} {{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('bc') }} {{ '12'.isdigit() }} {{ ' '.isspace() }}
{{ 'a\\nb\\n\\nc' | indent }}|{{ 'a\\nb' | indent(2, first=true) }}|{{ 'a\\n\\nb' | indent(2, blank=true) }}|{{ 'a\\nb' | indent('> ') }}
{{ '42' | int }} {{ 'x' | int }} {{ 'x' | int(7) }} {{ 3.9 | int }} {{ v.digits | int }} {{ '1.5' | float }} {{ 5 | float }} {{ -3 | abs }} {{ 5 | string }} {{ [1, 2] | string }} {{ '3.7' | int }} {{ '+5' | int }}
{{ range(3) | list }} {{ range(1, 8, 3) | list }} {{ range(3, 0, -1) | list }} {{ dict(a=1, b='x') }} {{ range(0) | length }}
{{ 'yes' if v.yes else 'no' }} {{ 'a' if false }}| {{ 1 if false else 2 if false else 3 }} {{ ('a' if v.no else 'b') ~ 'c' }}
{% set a = 1 %}{% set b, c = [2, 3] %}{% set d %}<{{ a }}{{ b }}>{% endset %}{{ a }}{{ b }}{{ c }}{{ d }}{% for i in [1, 2] %}{% set a = a + i %}{{ a }}{% endfor %}{{ a }}
{% set ns = namespace(n=0, s='') %}{% for i in range(4) %}{% set ns.n = ns.n + i %}{% set ns.s = ns.s ~ i %}{% endfor %}{{ ns.n }} {{ ns.s }} {{ ns.missing is defined }}
{% for x in v.list %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.cycle('a', 'b') }}{{ loop.depth }};{% else %}none{% endfor %}{% for x in [] %}x{% else %}none{% endfor %}
{% for x in range(9) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% for y in 'ab' %}{{ y }}{% if true %}{% break %}{% endif %}{% endfor %}{% endfor %}
{% for x in v.list if x > 1 %}{{ loop.index }}:{{ x }}/{{ loop.length }} {% endfor %}{% for c in 'añb' %}[{{ c }}]{% endfor %}{% for k in v.dict %}{{ k }}{% endfor %}{% for a, b in [[1, 2], [3, 4]] %}{{ a }}-{{ b }} {% endfor %}
{% macro m(a, b='B', c=none) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, c=2) }}{{ m(b=3, a=4) }}{{ m() }}{{ m('x') | length }}{{ m is callable }}
{% if v.nothing %}a{% elif v.empty %}b{% elif v.none_at_all %}c{% elif v.real %}d{% else %}e{% endif %}{% if not v.no %}f{% endif %}{% if v.list and v.dict or missing %}g{% endif %}
{% raw %}{{ not }} {% this %}{% endraw %}|{# a {{ comment }} #}|{{ '{{' }}{{ '%}' }}|{{ "{'a': {'b': 1}}" }}|{{ {'a': {'b': 1}}.a.b }}
{{ 'tab\\tnl\\nq\\'u\\u00e9\\x41\\\\ \\d' }}|{{ "dq\\"" }}|{{ '\\U0001F40B' }}|{{ '\\101' }}
{{ (1, 2) | length }} {{ (1,) | first }} {{ () | length }} {{ [1, 2,] }} {{ {'a': 1,} }} {{ ((3)) }} {{ [[1], [2, [3]]] }}
{{ -2 | abs }} {{ -(2 + 3) }} {{ +4 }} {{ 2 - -2 }} {{ not not 1 }} {{ 1 - 1 - 1 }} {{ 2 ** 3 ** 1 }} {{ 5 is odd and 4 is even }} {{ 'a' ~ 'b' | upper }} {{ 1 + 2 | string | length }}
{{ v['text'] | trim }} {{ v.people[0].of.town }} {{ v.people[0]['of']['town'] }} {{ v['people'][-1]['tags'][0] }} {{ (v.words | sort)[0] }} {{ v.words | sort | first }} {{ v.text.split(',')[1].strip()[0] }}
{{ v.dict is defined and v.dict.z is defined and v.dict.z }} {{ (v.q.r is defined) if (v.q is defined) else 'no q' }} {{ missing == missing2 }} {{ none is defined }}
{{ v.people | tojson }} {{ v | length }} {{ v.yes | tojson }} {{ none | tojson }} {{ 1.0 | tojson }} {{ 'a' | tojson | length }} {{ true | string }} {{ v.people | length > 2 }}
""".strip("\n").split("\n")

SPACE = [
    "a\n  {% if true %}\n  b\n  {% endif %}\n  c\n",
    "a\n  {%- if true -%}\n  b\n  {%- endif -%}\n  c\n",
    "a\n  {%+ if true +%}\n  b\n  {%+ endif %}\n  c\n\n",
    "a  {% if true %}  b  {% endif %}  c",
    "  {{ 1 }}\n  {{- 2 -}}\n  {{ 3 }}\n",
    "  {# c #}\n x {#- d -#} \n y\n   {# e #} z {% set a = 1 %}\n\n{{ a }}",
    "a\r\nb\r{% if true %}\r\nc{% endif %}\r\n",
    "{% if true %}\n\n{% if true %}\n   {% if true %}x{% endif %}\n{% endif %}{% endif %}\n\n",
    "x {%- raw -%} {{ a }} {%- endraw -%} y\n z",
    "x\n  {% raw %}\n {% if %}\n  {% endraw %}\n z",
    "a {{- ' b ' -}} c {%- if 1 %} d {% endif -%} e",
    "{%- for i in [1, 2] -%}\n  {{ i }}\n{%- endfor -%}\n!",
    "\t{% if true %}\t\n x\t{% endif %}\n",
]

FAILING = [
    "{{ missing.attribute }}", "{{ missing + 1 }}", "{{ 'a' + 1 }}", "{{ none + 'a' }}", "{{ raise_exception('No: ' ~ v.number) }}",
    "{{ 1 / 0 }}", "{{ missing() }}", "{{ v.list.append(1) }}", "{{ 'a' | unheard_of }}", "{{ 1 is unheard_of }}", "{% if %}x{% endif %}",
    "{% for x in 5 %}{% endfor %}", "{{ 'a' < 1 }}", "{% for a, b in [[1]] %}{% endfor %}", "{{ range(1000000) | list }}", "{{ v.list | join(1, 2, 3, 4) }}",
    "{% endif %}", "{{ (1 }}", "{{ 'open }}", "{% for x in y %}", "{{ missing | tojson }}", "{{ v.list | length(3) }}", "{% set x.y = 1 %}",
    "{{ [1][missing.x] }}", "{{ 1 2 }}", "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "{{ none | length }}", "{{ a.b.c }}", "{{ 'abc'.startswith(1) }}",
]


def render(template, messages, variables, generation, thinking):
    tools = [tool for message in messages for tool in message.get("tools", [])] or None
    told = {"add_generation_prompt": generation, "thinking": thinking, "enable_thinking": thinking, "documents": None, "tools": tools}
    return ENVIRONMENT.from_string(template).render(**{**told, **TOKENS, **variables, "messages": messages})


def case(name, template, messages=None, variables=None, generation=True, thinking=False):
    messages = messages or []
    texts = {"messages": json.dumps(messages), "variables": json.dumps(variables or {})}  # in which numbers are what they are
    made = {"case": name, **texts, "generation": generation, "thinking": thinking}
    if template is not None:
        made["template"] = template
    try:
        made["prompt"] = render(template or TEMPLATES[name], messages, variables or {}, generation, thinking)
    except Exception as error:  # whatever Python makes of it
        made["error"] = type(error).__name__ if not isinstance(error, TemplateError) else str(error)
    return made


def main():
    cases = []
    for name in TEMPLATES:
        for talk in TALKS.values():
            for generation, thinking in ((True, False), (True, True), (False, False)):
                cases.append(case(name, None, talk, {"date_string": "1 May 2025"} if thinking else {}, generation, thinking))
    for snippet in SNIPPETS + SPACE + FAILING:
        cases.append(case("snippet", snippet.replace("\\\\", "\\") if snippet in SNIPPETS else snippet, [], VALUES))
    print(json.dumps({"tokens": TOKENS, "templates": TEMPLATES, "cases": cases}, ensure_ascii=False, indent=0))


main()
