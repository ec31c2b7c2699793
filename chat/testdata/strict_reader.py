"""Reads request bodies as a careful Python backend would, to compare with package chat.

One base64 line per body on stdin, one JSON line per body on stdout:
{"ok": false, "why": ...} for a body that is no unambiguous JSON object, or
{"ok": true, "model": ..., "text": [[turn, role, field, text], ...]}.
Only the json module's reading counts; no name is folded, no duplicate dropped.
"""
import base64
import json
import sys


def check_text(text):
    text.encode("utf-8")  # half a surrogate pair raises
    if "\x00" in text:
        raise ValueError("NUL")


def unique(pairs):
    names = [name for name, _ in pairs]
    for name in names:
        check_text(name)
    if len(set(names)) != len(names):
        raise ValueError("duplicate name")
    return dict(pairs)


def no_constant(word):
    raise ValueError(word)


def check(value):
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, dict):
        for member in value.values():
            check(member)
    elif isinstance(value, list):
        for element in value:
            check(element)


def texts(turn, message):
    role = message["role"]
    for name, value in message.items():
        if name == "name" and isinstance(value, str):
            yield [turn, role, "name", value]
        elif name == "content" and isinstance(value, str):
            yield [turn, role, "content", value]
        elif name == "content" and isinstance(value, list):
            for part in value:
                if isinstance(part, str):
                    yield [turn, role, "content", part]
                elif isinstance(part.get("text"), str):
                    yield [turn, role, "content", part["text"]]


def read(body):
    text = body.decode("utf-8")  # strict: no surrogates, no overlong forms
    if text.startswith("\ufeff"):
        raise ValueError("byte order mark")
    request = json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)
    check(request)
    if not isinstance(request, dict):
        raise ValueError("no object")
    return request


def view(request):
    found = []
    for turn, message in enumerate(request["messages"]):
        found.extend(t for t in texts(turn, message) if t[3])
    return {"ok": True, "model": request["model"], "text": found}


for line in sys.stdin:
    body = base64.b64decode(line)
    try:
        request = read(body)
    except (ValueError, RecursionError) as error:
        print(json.dumps({"ok": False, "why": repr(error)}))
        continue
    try:
        print(json.dumps(view(request)))
    except Exception as error:  # valid JSON, but no chat request
        print(json.dumps({"ok": True, "why": repr(error)}))
