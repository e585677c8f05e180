"""`--set key.path=YAML`: edits of a config's values from the command line."""

from typing import Any

from dspipe.pipeline.config.problems import InvalidConfigError, Locator, Problem
from dspipe.pipeline.config.yaml_lines import YamlError, parse_yaml


def apply_edit(edit: str, values: Any, where: Locator) -> None:
    """One `--set key.path=YAML`. Items of lists are named by their number, their `name` or their only key."""
    place = f"--set {edit}"
    key, equals, text = edit.partition("=")
    if not equals or not key:
        raise InvalidConfigError([Problem("", "expected --set key.path=value", place)])
    try:
        value, _ = parse_yaml(text)
    except YamlError as error:
        raise InvalidConfigError([Problem(key, f"not valid YAML: {error}", place)]) from None
    parts = key.split(".")
    if parts[0] == "engine" and len(parts) > 1 and isinstance(values.get("engine"), str):
        values["engine"] = {"kind": values["engine"]}
    for list_of in ("stages", "sources"):
        if parts[0] not in values and parts[0] in _item_names(values.get(list_of)):
            raise InvalidConfigError([Problem(key, f"did you mean {list_of}.{key}?", place)])
    target: Any = values
    path: tuple[Any, ...] = ()
    while parts:
        if isinstance(target, dict):
            step: tuple[Any, ...] = (parts[0],)
            parts = parts[1:]
        elif isinstance(target, list):
            step, parts = _item(target, parts)
            if not step:
                known = ", ".join(_item_names(target)) or "nothing"
                raise InvalidConfigError([Problem(key, f"there is no {parts[0]}; there is {known}", place)])
        else:
            raise InvalidConfigError([Problem(key, f"{'.'.join(map(str, path))} has no keys of its own", place)])
        path += step
        for index, part in enumerate(step):
            if not parts and index == len(step) - 1:
                target[part] = value
            elif isinstance(target, list) and isinstance(target[part], str):
                target[part] = {target[part]: {}}  # a stage written as a bare name gets settings
            elif isinstance(target, dict) and target.get(part) is None:
                target[part] = {}
            target = target[part]
    where.edits[path] = edit


def _item(items: list[Any], parts: list[str]) -> tuple[tuple[str | int, ...], list[str]]:
    """The item of a list that the first parts name, and the parts after them. A stage's own name may have dots; the
    name that a stage was given goes before its key, which several may have."""
    if parts[0].isdigit() and int(parts[0]) < len(items):
        return (int(parts[0]),), parts[1:]
    lengths = range(1, len(parts) + 1)
    for name_of in (_named, _keyed):
        for length in reversed(lengths) if name_of is _named else lengths:
            name = ".".join(parts[:length])
            for index, item in enumerate(items):
                if (step := name_of(item, name)) is not None:
                    return (index, *step), parts[length:]
    return (), parts


def _named(item: Any, name: str) -> tuple[str, ...] | None:
    """The step into an item that was given this name: none into a source, its key into a stage."""
    if not isinstance(item, dict):
        return None
    if item.get("name") == name:
        return ()
    if len(item) == 1:
        ((key, settings),) = item.items()
        if isinstance(settings, dict) and settings.get("name") == name:
            return (str(key),)
    return None


def _keyed(item: Any, name: str) -> tuple[str, ...] | None:
    """The step into a stage with this key; with nothing behind it, what a bare name stands for is set: its settings."""
    return (name,) if item == name or (isinstance(item, dict) and list(item) == [name]) else None


def _item_names(target: Any) -> list[str]:
    if not isinstance(target, list):
        return sorted(map(str, target)) if isinstance(target, dict) else []
    return [_item_name(item) for item in target]


def _item_name(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    settings = next(iter(item.values()), None)
    given = settings.get("name") if len(item) == 1 and isinstance(settings, dict) else None
    return str(item.get("name") or given or next(iter(item), ""))
