"""Folders as values: what lies in them, put back elsewhere, and whether a file is whole."""

import csv
import gzip
import io
import json
import os
import shutil
import stat
import xml.etree.ElementTree

# Names of temporary files of the program.
TEMPORARY = (".pagebench-", ".tmp")


def is_temporary(path):
    name = os.path.basename(path)
    return name.startswith(TEMPORARY[0]) and name.endswith(TEMPORARY[1])


def read(folder):
    """Everything in a folder by its path: the bytes of a file, `Link` for a link, None for a folder."""
    found = {}
    for root, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(root, name)
            key = os.path.relpath(path, folder)
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                found[key] = Link(os.readlink(path))
            elif stat.S_ISREG(mode):
                with open(path, "rb") as file:
                    found[key] = file.read()
            elif stat.S_ISDIR(mode):
                found[key] = None
    return found


class Link(str):
    """The target of a link."""


def write(tree, folder):
    """Makes `folder` hold `tree` and nothing else."""
    clear(folder)
    for path in sorted(tree):
        content, whole = tree[path], os.path.join(folder, path)
        if content is None:
            os.makedirs(whole, exist_ok=True)
        elif isinstance(content, Link):
            os.symlink(content, whole)
        else:
            with open(whole, "wb") as file:
                file.write(content)


def clear(folder):
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.remove(path)


def changed(before, after):
    """The paths of files that are new or other."""
    return {path for path, content in after.items() if content is not None and before.get(path, "") != content}


def is_whole(path, data):
    """Whether a file is complete, as far as its form shows it."""
    try:
        return _is_whole(path, data)
    except (ValueError, OSError, EOFError, xml.etree.ElementTree.ParseError):
        return False


def _is_whole(path, data):
    kind = path.rsplit(".", 1)[-1]
    if kind == "gz":
        return bool(gzip.decompress(data))
    if kind == "pbt":
        return data.endswith(b"PBTEND\r\n")
    if kind == "png":
        return data.startswith(b"\x89PNG") and data.endswith(b"IEND\xaeB`\x82")
    if kind in ("svg", "xml"):
        return xml.etree.ElementTree.fromstring(data) is not None
    if kind == "json":
        return json.loads(data) is not None
    if kind == "jsonl":
        # Lines are appended; a reader ignores one that is cut.
        return all(json.loads(line) is not None for line in data.split(b"\n")[:-1])
    if kind == "csv":
        lines = [line for line in csv.reader(io.StringIO(data.decode())) if line and not line[0].startswith("#")]
        return data.endswith(b"\n") and len({len(line) for line in lines}) <= 1
    return kind not in ("md", "txt", "toml", "trace", "din") or not data or data.endswith(b"\n")
