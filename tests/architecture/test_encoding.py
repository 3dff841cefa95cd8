"""Every text file is opened with its encoding said: on Windows the default is not UTF-8."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import pytest

# function → the place of its mode among the positional arguments, and the mode where none is given
OPENERS: dict[str, tuple[int, str]] = {
    "open": (1, "r"),
    "io.open": (1, "r"),
    "os.fdopen": (1, "r"),
    "gzip.open": (1, "rb"),
    "bz2.open": (1, "rb"),
    "lzma.open": (1, "rb"),
    "TemporaryFile": (0, "w+b"),
    "NamedTemporaryFile": (0, "w+b"),
    "SpooledTemporaryFile": (1, "w+b"),
}
# a member of a zip archive opens as bytes, in any mode
OTHER_OPENERS = ("os.open", "webbrowser.open", "tarfile.open", "archive.open")
TEXT_METHODS = ("read_text", "write_text")
PROCESSES = ("run", "Popen", "check_output")


def unsaid(tree: ast.AST) -> Iterator[str]:
    """Where a module leaves the encoding of text to the platform."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_text(node) and not _says_encoding(node):
            yield f"{node.lineno}: {ast.unparse(node)}"


def _is_text(call: ast.Call) -> bool:
    function = ast.unparse(call.func)
    last = function.rpartition(".")[2]
    if last in TEXT_METHODS and isinstance(call.func, ast.Attribute):
        return True
    if function in OTHER_OPENERS:
        return False
    if function.startswith("subprocess.") and last in PROCESSES:
        asked = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        return "True" in (asked.get("text"), asked.get("universal_newlines"))
    if function in OPENERS or last in OPENERS:
        # a method named open is Path's, whose mode comes first
        place, default = OPENERS.get(function) or ((0, "r") if last == "open" else OPENERS[last])
        return "b" not in _mode(call, place, default)
    return False


def _mode(call: ast.Call, place: int, default: str) -> str:
    """The mode; a text one where it is not a literal."""
    said = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    node = said[0] if said else call.args[place] if len(call.args) > place else ast.Constant(default)
    return str(node.value) if isinstance(node, ast.Constant) else "r"


def _says_encoding(call: ast.Call) -> bool:
    return any(keyword.arg == "encoding" for keyword in call.keywords)


def test_every_text_file_says_its_encoding(trees: Mapping[str, ast.Module]) -> None:
    assert not [f"{name}:{where}" for name, tree in trees.items() for where in unsaid(tree)]


@pytest.mark.parametrize(
    "text",
    [
        "open('x')",
        "open('x', 'w', 1)",
        "open('x', mode)",
        "path.open()",
        "path.open('a', newline='')",
        "path.read_text()",
        "path.write_text('x', newline='')",
        "os.fdopen(handle, 'w')",
        "gzip.open('x', 'rt')",
        "tempfile.NamedTemporaryFile('w')",
        "subprocess.run(['x'], text=True)",
    ],
)
def test_an_encoding_left_out_is_noticed(text: str) -> None:
    assert list(unsaid(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        "open('x', encoding='utf-8')",
        "open('x', 'rb')",
        "open('x', mode='wb')",
        "path.open('rb')",
        "path.open('w', encoding='utf-8')",
        "path.read_bytes()",
        "os.open('x', os.O_RDONLY)",
        "os.fdopen(handle, 'wb')",
        "gzip.open('x')",
        "tempfile.NamedTemporaryFile()",
        "subprocess.run(['x'])",
        "subprocess.run(['x'], text=True, encoding='utf-8')",
    ],
)
def test_bytes_and_stated_encodings_pass(text: str) -> None:
    assert not list(unsaid(ast.parse(text)))
