"""Whether the tests notice each small fault that is put into the code they watch.

    python tests/benchmarks/mutation.py [--only PART_OF_A_PATH] [--list]

One fault at a time, in a copy of the tree: a comparison turned round, a condition negated, a constant or a word changed, a
call or a row left out, `and` for `or`, one status for the next. Each target names the tests that watch it, few enough to run
a thousand times. A fault that no test notices, and that is not explained in ``EQUIVALENT``, is printed, and makes the
exit code 1. The published tools change nothing outside of functions, so they leave out the tables of status words.
"""

import argparse
import ast
import compileall
import functools
import importlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from attrs import frozen

HOME: Final = Path(__file__).resolve().parents[2]
TREE: Final = ("returns_hub", "adapters", "tests", "cassettes", "pyproject.toml")
# What the tests import besides the tree: loaded once, for all of the processes.
HEAVY: Final = ("attrs", "cattrs.gen", "httpx", "hypothesis", "msgspec", "pytest", "simplejson", "stamina")
# A fault may make a loop endless.
PATIENCE: Final = 30.0


@frozen
class Target:
    """A module, the names in it that matter (all, if none is given), and the tests that watch it."""

    module: str
    tests: tuple[str, ...]
    names: frozenset[str] = frozenset()


_MERGE_MODULES: Final = ("__init__", "facts", "precedence", "aliases", "comparison", "diff")
_MERGE_TESTS: Final = (
    "tests/merge/test_merge_faults.py",
    "tests/merge/test_facts.py",
    "tests/merge/test_diff.py",
    "tests/merge/test_aliases.py",
    "tests/merge/test_merge.py",
)

TARGETS: Final = (
    *(Target(f"returns_hub/merge/{name}.py", _MERGE_TESTS) for name in _MERGE_MODULES),
    Target(
        "returns_hub/signatures.py",
        ("tests/core/test_signatures.py", "tests/core/test_webhook_checks.py", "tests/core/test_webhook_signatures.py"),
    ),
    Target(
        "adapters/returns_hub_return_helper/webhooks.py",
        ("tests/core/test_webhook_signatures.py", "tests/return_helper/test_return_helper_webhooks.py"),
        frozenset(
            {
                "SIGNATURE_HEADER",
                "OLD_SIGNATURE_HEADER",
                "TIMESTAMP_HEADER",
                "_ANSWER",
                "_SIGNATURE",
                "_TIMESTAMP",
                "signed_text",
                "signing_key",
                "verify",
                "_live",
                "_signature",
                "_timestamp",
                "_signed",
                "_check_freshness",
            }
        ),
    ),
    Target(
        "adapters/returns_hub_returnless/webhooks.py",
        (
            "tests/core/test_webhook_signatures.py",
            "tests/returnless/test_returnless_webhooks.py",
            "tests/returnless/test_returnless_orders.py",
        ),
        frozenset(
            {
                "SIGNATURE_HEADER",
                "_ANSWER",
                "_RETURN_ID",
                "_MAX_ORDER_NUMBER_LENGTH",
                "_IN_URL",
                "verify_webhook",
                "read_order_number",
                "_configured",
                "_return_id",
                "_last_segment",
                "_readings",
                "_is_signed",
            }
        ),
    ),
    Target(
        "adapters/returns_hub_returnmate/webhooks.py",
        ("tests/returnmate/test_returnmate_webhooks.py", "tests/core/test_webhook_signatures.py"),
        frozenset({"SIGNATURE_HEADER", "_ANSWER", "verify"}),
    ),
    Target(
        "adapters/returns_hub_return_helper/statuses.py",
        ("tests/core/test_status_tables.py", "tests/return_helper/test_return_helper_statuses.py"),
    ),
    Target(
        "adapters/returns_hub_returnless/statuses.py",
        ("tests/core/test_status_tables.py", "tests/returnless/test_returnless_statuses.py"),
    ),
    Target(
        "adapters/returns_hub_returnmate/statuses.py",
        ("tests/core/test_status_tables.py", "tests/returnmate/test_returnmate_statuses.py"),
    ),
)

_MERGE: Final = "returns_hub/merge/__init__.py"
_MERGE_FACTS: Final = "returns_hub/merge/facts.py"
_PRECEDENCE: Final = "returns_hub/merge/precedence.py"
_ALIASES: Final = "returns_hub/merge/aliases.py"
_DIFF: Final = "returns_hub/merge/diff.py"
_CORE: Final = "returns_hub/signatures.py"
_RETURNLESS: Final = "adapters/returns_hub_returnless/webhooks.py"
_RETURN_HELPER_WORDS: Final = "adapters/returns_hub_return_helper/statuses.py"
_RETURNMATE_WORDS: Final = "adapters/returns_hub_returnmate/statuses.py"
_PLACED: Final = "the place is always known here"
_A_TYPE: Final = "the types say it; whoever reads the value does not see it"
_ONE_LENGTH: Final = "the two are made of one list, and are of one length"
_NEVER_EQUAL: Final = "two equal ones never come here"
_A_CLASS: Final = "attrs takes an object for its class here"
_SLOWER: Final = "only slower"
_REFUSED_TWICE: Final = "the other reading refuses the same octets"
_EQUAL: Final = "mappings that differ by the order of their keys only are equal, so either may stay"

# What no test can notice, by module and fault, and why.
EQUIVALENT: Final[dict[tuple[str, str], str]] = {
    (_MERGE, "_restrict: zip(keys, part, strict=True) -> zip(keys, part)"): _ONE_LENGTH,
    (_MERGE, "_restrict: True -> False"): _ONE_LENGTH,
    (_MERGE, "_state: len(layers) -> layers"): "the longer way comes to the same",
    (_MERGE, "_state: path[0] == 'aliases' -> path[0] != 'aliases'"): "the longer way comes to the same",
    (_MERGE_FACTS, "_TAKEN_APART: 'provider' -> 'xprovider'"): "every observation of a return has the same provider",
    (
        _MERGE_FACTS,
        "_read_item: min(item.aliases, key=rank) -> min(item.aliases)",
    ): "any alias will do, as all of them are joined; it is the same in any order",
    (
        _MERGE_FACTS,
        "_read: tuple([getattr(part, name) for name in names]) -> [getattr(part, name) for name in names]",
    ): _A_TYPE,
    (
        _MERGE_FACTS,
        "_build: zip(together[name], values, strict=True) -> zip(together[name], values)",
    ): _ONE_LENGTH,
    (_MERGE_FACTS, "_build: True -> False"): _ONE_LENGTH,
    (_PRECEDENCE, "wins: fact.values < other.values -> fact.values <= other.values"): _NEVER_EQUAL,
    (_PRECEDENCE, "wins: fact.stamp > other.stamp -> fact.stamp >= other.stamp"): _NEVER_EQUAL,
    (
        _PRECEDENCE,
        "wins: _text(fact.values) > _text(other.values) -> _text(fact.values) >= _text(other.values)",
    ): "what is spelt alike is alike, so either may stay",
    (_PRECEDENCE, "_text: json.dumps(spelt, sort_keys=True, default=repr) -> json.dumps(spelt, default=repr)"): _EQUAL,
    (_PRECEDENCE, "_text: True -> False #2"): _EQUAL,
    (_ALIASES, "visible_facts: zip(BESIDE_STATUS, beside, strict=True) -> zip(BESIDE_STATUS, beside)"): _ONE_LENGTH,
    (_ALIASES, "visible_facts: True -> False"): _ONE_LENGTH,
    (
        _ALIASES,
        "_items_by_alias: sorted((same.setdefault(path[1], {path[1]}), same.setdefault(path[3], {path[3]})), key=len) -> (same.setdefault(path[1], {path[1]}), same.setdefault(path[3], {path[3]}))",
    ): _SLOWER,
    (
        _ALIASES,
        "_items_by_alias: sorted((same.setdefault(path[1], {path[1]}), same.setdefault(path[3], {path[3]})), key=len) -> sorted((same.setdefault(path[1], {path[1]}), same.setdefault(path[3], {path[3]})))",
    ): _SLOWER,
    (
        _ALIASES,
        "_items_by_alias: list(dict.fromkeys((owner for each in aliases for owner in owners[each]))) -> dict.fromkeys((owner for each in aliases for owner in owners[each]))",
    ): _A_TYPE,
    (_DIFF, "_differences: type(after) -> after"): _A_CLASS,
    (_DIFF, "_changes_of_item: new > old -> new >= old"): _NEVER_EQUAL,
    (_CORE, "single_header: '' -> 'x'"): "there is one value at most, and nothing to join",
    (_RETURNLESS, "_readings: unquote(segment, errors='strict') -> unquote(segment)"): _REFUSED_TWICE,
    (_RETURNLESS, "_readings: unquote_plus(segment, errors='strict') -> unquote_plus(segment)"): _REFUSED_TWICE,
    (_RETURNLESS, "_readings: 'strict' -> 'xstrict' #2"): _REFUSED_TWICE,
    (_RETURNLESS, "_readings: '' -> 'x'"): "joined only to be encoded, and thrown away",
    (
        _RETURNLESS,
        "_readings: dict.fromkeys(readings) -> readings",
    ): "the same reading twice is verified twice, and alike",
    (_RETURNLESS, "_is_signed: return False -> return None"): _A_TYPE,
    (
        _RETURN_HELPER_WORDS,
        "_CURRENT: 'apidocs.returnhelper.com' -> 'xapidocs.returnhelper.com'",
    ): "said to people: where a word is documented",
    ("adapters/returns_hub_returnless/statuses.py", "_request: '”' -> 'x”'"): "said to people: the end of a quotation",
    (_RETURNMATE_WORDS, "_shop_facts: dict(table) -> table"): "dumping makes a dict of any mapping",
    (_RETURNMATE_WORDS, "_shop_facts: error.where or 'the table' -> error.where"): _PLACED,
    (_RETURNMATE_WORDS, "_shop_facts: 'the table' -> 'xthe table'"): _PLACED,
}

_TURNED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OTHER: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
# Said to people, not to programs.
_PROSE: Final = frozenset({"why", "source", "name"})


@frozen
class Fault:
    """One change: what it does, and the whole module with it."""

    place: str
    change: str
    code: str

    @property
    def text(self) -> str:
        return f"{self.place}: {self.change}"


def faults(target: Target, source: str) -> list[Fault]:
    tree = ast.parse(source)
    found: list[Fault] = []
    seen: Counter[str] = Counter()
    for statement in tree.body:
        name = _name(statement)
        if isinstance(statement, ast.Import | ast.ImportFrom) or (target.names and name not in target.names):
            continue
        for node, change, undo in _changes(statement):
            code = ast.unparse(ast.fix_missing_locations(tree))
            undo()
            text = f"{ast.unparse(node)[:160]} -> {change}"
            seen[f"{name}: {text}"] += 1
            times = seen[f"{name}: {text}"]
            found.append(Fault(name, text if times == 1 else f"{text} #{times}", code))
    return found


def _name(statement: ast.stmt) -> str:
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
    return "module"


_Undo = Callable[[], None]


def _changes(node: ast.AST) -> Iterator[tuple[ast.AST, str, _Undo]]:
    """Every change below a node, made one at a time: what it was, what it is now, and what takes it back."""
    for field, value in ast.iter_fields(node):
        if _is_out_of_scope(node, field):
            continue
        slots = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, child in slots:
            if not isinstance(child, ast.AST) or (_is_error(node) and field == "args" and index != 0):
                continue
            for new in _replacements(node, field, child):
                yield child, ast.unparse(new) or "pass", _put(node, field, index, new, child)
            if isinstance(value, list) and isinstance(node, ast.Dict) and field == "keys":
                yield from _without_row(node, index or 0)
            yield from _changes(child)


def _put(node: ast.AST, field: str, index: int | None, new: ast.AST, old: ast.AST) -> _Undo:
    def put(value: ast.AST) -> None:
        if index is None:
            setattr(node, field, value)
        else:
            getattr(node, field)[index] = value

    put(new)
    return lambda: put(old)


def _without_row(node: ast.Dict, index: int) -> Iterator[tuple[ast.AST, str, _Undo]]:
    key, value = node.keys.pop(index), node.values.pop(index)

    def put_back() -> None:
        node.keys.insert(index, key)
        node.values.insert(index, value)

    if key is None:
        put_back()
    else:
        yield key, "no such row", put_back


def _is_out_of_scope(node: ast.AST, field: str) -> bool:
    if field in ("annotation", "returns", "decorator_list", "type_params"):
        return True
    if isinstance(node, ast.keyword):
        return node.arg in _PROSE
    if isinstance(node, ast.AnnAssign):
        return "TypeAlias" in ast.unparse(node.annotation)
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "TypeVar"


def _is_error(node: ast.AST) -> bool:
    """What follows its reason, or is all it says, is said to people."""
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("Error", "Reply", "Rejected"))


def _replacements(parent: ast.AST, field: str, node: ast.AST) -> list[ast.AST]:
    if field in ("test", "ifs"):
        turned: list[ast.AST] = [ast.UnaryOp(ast.Not(), node)]  # type: ignore[arg-type]
    else:
        turned = []
    match node:
        case ast.Compare(left=left, ops=ops, comparators=others):
            turned = [
                ast.Compare(left, [*ops[:at], _TURNED[type(op)](), *ops[at + 1 :]], others)
                for at, op in enumerate(ops)
                if type(op) in _TURNED
            ]
        case ast.BoolOp(op=op, values=values):
            turned.append(ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values))
            turned += [_joined(op, values[:at] + values[at + 1 :]) for at in range(len(values))]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            turned = [operand]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            turned = [operand]
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OTHER:
            turned.append(ast.BinOp(left, _OTHER[type(operator)](), right))
        case ast.AugAssign(target=target, op=operator, value=value) if type(operator) in _OTHER:
            turned = [ast.AugAssign(target, _OTHER[type(operator)](), value), ast.Pass()]
        case ast.Expr(value=ast.Constant()):
            pass
        case ast.Expr() | ast.Raise() | ast.Delete():
            turned = [ast.Pass()]
        case ast.Return(value=value) if value is not None and not _is_none(value):
            turned = [ast.Return(ast.Constant(None))]
        case ast.Continue():
            turned = [ast.Break(), ast.Pass()]
        case ast.Constant(value=value):
            turned += _other_constants(parent, value)
        case ast.Call(func=func, args=args, keywords=keywords):
            turned += _without_call(func, args, keywords)
        case ast.Attribute(value=ast.Name(id=kind), attr=word) if word.isupper():
            turned += _next_word(kind, word)
    return turned


def _joined(op: ast.boolop, values: list[ast.expr]) -> ast.expr:
    return values[0] if len(values) == 1 else ast.BoolOp(op, values)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _other_constants(parent: ast.AST, value: Any) -> list[ast.AST]:
    if isinstance(value, bool):
        return [ast.Constant(not value)]
    if isinstance(value, int):
        return [ast.Constant(value + 1)]
    if not isinstance(value, str) or isinstance(parent, ast.Expr):
        return []
    # Part of a sentence.
    if isinstance(parent, ast.Call | ast.JoinedStr | ast.AnnAssign) and " " in value:
        return []
    return [ast.Constant(f"x{value}")]


def _without_call(func: ast.expr, args: list[ast.expr], keywords: list[ast.keyword]) -> list[ast.AST]:
    turned: list[ast.AST] = []
    # A set for a frozen one differs by its type only.
    if len(args) == 1 and not isinstance(args[0], ast.Starred | ast.GeneratorExp | ast.Set):
        turned.append(args[0])
    if not args and isinstance(func, ast.Attribute):
        turned.append(func.value)
    for at, keyword in enumerate(keywords):
        if keyword.arg and keyword.arg not in _PROSE:
            turned.append(ast.Call(func, args, keywords[:at] + keywords[at + 1 :]))
    return turned


def _next_word(kind: str, word: str) -> list[ast.AST]:
    words = _vocabularies().get(kind, [])
    if word not in words:
        return []
    following = words[(words.index(word) + 1) % len(words)]
    return [ast.Attribute(ast.Name(kind, ast.Load()), following, ast.Load())]


@functools.cache
def _vocabularies() -> dict[str, list[str]]:
    """The members of each vocabulary: read, not imported, so that the tests import the changed tree and not this one."""
    tree = ast.parse((HOME / "returns_hub/status.py").read_text())
    return {
        kind.name: [
            line.targets[0].id
            for line in kind.body
            if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name)
        ]
        for kind in tree.body
        if isinstance(kind, ast.ClassDef)
    }


def run(tree: Path, tests: tuple[str, ...], *, patience: float) -> bool | None:
    """Whether the tests pass in a process of its own; None if they do not end in time."""
    # Forked after pytest is loaded and before the tree's own code is: this is most of what a run would cost.
    child = os.fork()
    if child == 0:
        _test(tree, tests)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _test(tree: Path, tests: tuple[str, ...]) -> None:
    import pytest
    from hypothesis import Phase, settings

    code = 70
    try:
        os.chdir(tree)
        sys.path[:0] = [str(tree), str(tree / "adapters")]
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        # The same examples each time, and no search for the smallest one.
        few = settings(max_examples=15, derandomize=True, database=None, deadline=None)
        settings.register_profile("mutation", few, phases=(Phase.explicit, Phase.generate))
        settings.load_profile("mutation")
        code = int(
            pytest.main(
                ["-x", "-q", "--tb=no", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:returns_hub", *tests]
            )
        )
    finally:
        os._exit(code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="targets with this in their path")
    parser.add_argument("--list", action="store_true", help="show the faults, and run nothing")
    options = parser.parse_args()
    unexplained = 0
    with tempfile.TemporaryDirectory(prefix="mutation-") as place:
        tree = Path(place)
        for name in TREE:
            copy: Callable[..., Any] = shutil.copytree if (HOME / name).is_dir() else shutil.copy2
            copy(HOME / name, tree / name)
        compileall.compile_dir(tree, quiet=2)
        sys.dont_write_bytecode = True
        for name in HEAVY:
            importlib.import_module(name)
        for target in TARGETS:
            if options.only in target.module:
                unexplained += survey(tree, target, show=options.list)
    sys.exit(1 if unexplained else 0)


def survey(tree: Path, target: Target, *, show: bool) -> int:
    """How many faults of one module are neither noticed nor explained; each is printed."""
    path = tree / target.module
    source = path.read_text()
    made = faults(target, source)
    if show:
        print(*(f"{target.module} {fault.text}" for fault in made), sep="\n")
        return 0
    for stale in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        stale.unlink()
    started = time.monotonic()
    if not run(tree, target.tests, patience=PATIENCE * 4):
        sys.exit(f"{target.module}: the tests do not pass before anything is changed")
    once = time.monotonic() - started
    slow = explained = survived = 0
    for fault in made:
        path.write_text(fault.code)
        passed = run(tree, target.tests, patience=max(PATIENCE, once * 5))
        slow += passed is None
        if passed and (target.module, fault.text) in EQUIVALENT:
            explained += 1
        elif passed:
            survived += 1
            print(f"  survived: {target.module} {fault.text}", flush=True)
    path.write_text(source)
    print(
        f"{target.module}: {len(made)} faults, {len(made) - explained - survived} noticed ({slow} by never ending), "
        f"{explained} equivalent, {survived} survived, {time.monotonic() - started:.0f} s",
        flush=True,
    )
    return survived


if __name__ == "__main__":
    main()
