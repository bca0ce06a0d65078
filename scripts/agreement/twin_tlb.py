"""The twin's TLBs and page-walk caches: lists of entries, the one that leaves next first."""

import re


class Array:
    """Entries in sets; a key is (pid, page), the set is the page modulo the number of sets."""

    def __init__(self, shape):
        size, _, replacement = shape.partition(":")
        entries, _, ways = size.partition("x")
        self.fifo = replacement == "fifo"
        self.ways = int(entries if ways in ("", "full") else ways)
        self.sets = [[] for _ in range(int(entries) // self.ways)]

    def find(self, key):
        """Whether the entry is there; it is then the most recently used one, which FIFO ignores."""
        entries = self.sets[key[1] % len(self.sets)]
        if key not in entries:
            return False
        if self.fifo:
            return True
        entries.remove(key)
        entries.append(key)
        return True

    def put(self, key):
        if self.find(key):
            return
        entries = self.sets[key[1] % len(self.sets)]
        if len(entries) == self.ways:
            entries.pop(0)
        entries.append(key)

    def drop(self, key):
        """Drops an entry; 1 if there was one."""
        entries = self.sets[key[1] % len(self.sets)]
        if key not in entries:
            return 0
        entries.remove(key)
        return 1

    def clear(self):
        self.sets = [[] for _ in self.sets]


def of_machine(text, size):
    """The arrays that a machine uses for pages of `size` bytes, as `--tlb` has them, out of its description.

    They are those for the largest page size not above it, or for its smallest. None without page tables
    of 4 KiB, which alone are modelled.
    """
    same = re.search(r"the same as +--tlb (\S+)", text)
    if not same or "pages of 4KiB" not in text:
        return None
    units = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
    sections = {}
    for number, unit, body in re.findall(r"^pages of (\d+)(\w+)\n((?:  .*\n?)*)", text, re.M):
        sections[int(number) * units[unit]] = body
    body = sections[max([known for known in sections if known <= size], default=min(sections))]
    names = {"first level, instructions": "l1i", "first level, data": "l1d", "second level, shared": "l2", "second level": "l2",
             "second, instructions": "l2i", "second, data": "l2d"}
    found = re.findall(r"^  (first level, \w+|second level(?:, shared)?|second, \w+)  +(\w+)", body, re.M)
    parts = [f"{names[name]}={shape}" for name, shape in found]
    return ",".join(parts + re.findall(r"(?:levels|pwc)=[^,]+", same[1]))


class Tlbs:
    """All that translates, as `--tlb` describes it, for pages of `size` bytes.

    A walk is one level shorter from 2 MiB on and two at 1 GiB.
    """

    def __init__(self, text="l1i=64x4,l1d=64x4,l2=1536x12,levels=4", size=4096):
        self.size = size
        parts = {"l1i": "64x4", "l1d": "64x4", "l2": "1536x12", "levels": "4"}
        given = dict(part.split("=") for part in text.split(","))
        if "l2i" in given or "l2d" in given:
            parts.pop("l2")
        if "l1" in given:
            given["l1i"] = given["l1d"] = given["l1"]
        parts.update(given)
        self.text = parts
        self.first = {"i": Array(parts["l1i"]), "d": Array(parts["l1d"])}
        if "l2" in parts:
            both = None if parts["l2"] == "none" else Array(parts["l2"])
            self.second = {"i": both, "d": both}
        else:
            self.second = {side: None if parts.get("l2" + side, "none") == "none" else Array(parts["l2" + side]) for side in "id"}
        self.whole = int(parts["levels"])
        self.levels = max(1, self.whole - (size >= 2 << 20) - (size >= 1 << 30))
        sizes = parts["pwc"].split("/") if "pwc" in parts else []
        self.caches = [None if size == "0" else Array(size) for size in sizes]
        self.caches = (self.caches + [None] * self.whole)[:self.levels - 1]
        self.tags = parts.get("tags") != "off"
        self.last = None

    def name(self):
        """The arrays in full, as the column `accessed_bit` has them: entries x ways, and whether there are tags."""
        words = []
        for part in ("l1i", "l1d", "l2", "l2i", "l2d"):
            if part in self.text:
                size, _, replacement = self.text[part].partition(":")
                entries, _, ways = size.partition("x")
                ways = entries if ways in ("", "full") else ways
                fifo = ":fifo" if replacement == "fifo" else ""
                words.append(f"{part}={entries}" + ("" if entries == "none" else f"x{ways}{fifo}"))
        return ",".join(words + ([] if self.tags else ["tags=off"]))

    def arrays(self):
        found = [self.first["i"], self.first["d"], self.second["i"]]
        if self.second["d"] is not self.second["i"]:
            found.append(self.second["d"])
        return [array for array in found if array is not None]

    def switch(self, pid):
        """A reference of `pid` comes; 1 if everything is flushed for it."""
        flush = not self.tags and self.last is not None and self.last != pid
        self.last = pid
        if flush:
            for array in self.arrays() + [cache for cache in self.caches if cache]:
                array.clear()
        return int(flush)

    def find(self, pid, page, side):
        """Where a translation is found: 1 or 2 for a level, None for nowhere."""
        if self.first[side].find((pid, page)):
            return 1
        if self.second[side] is not None and self.second[side].find((pid, page)):
            self.first[side].put((pid, page))
            return 2
        return None

    def fill(self, pid, page, side):
        if self.second[side] is not None:
            self.second[side].put((pid, page))
        self.first[side].put((pid, page))

    def shoot(self, pid, page):
        """Drops all entries of a page; returns how many there were."""
        return sum(array.drop((pid, page)) for array in self.arrays())

    def forget(self, pid):
        """An event changes the page tables of a process: no cache has an entry of them any more."""
        for cache in self.caches:
            if cache is not None:
                cache.sets = [[key for key in entries if key[0] != pid] for entries in cache.sets]

    def walk(self, pid, page):
        """The levels whose entries a walk reads, the root's is 0.

        All caches are asked, and the deepest one that has an entry tells where the walk begins.
        """
        begin = 0
        for level in range(self.levels - 1):
            if self.caches[level] is not None and self.caches[level].find(self.prefix(pid, page, level)):
                begin = level + 1
        for level in range(begin, self.levels - 1):
            if self.caches[level] is not None:
                self.caches[level].put(self.prefix(pid, page, level))
        return list(range(begin, self.levels))

    def prefix(self, pid, page, level):
        """What an entry of a level is known by: tables have 512 entries for pages of 4 KiB."""
        return (pid, page * self.size >> 12 + 9 * (self.whole - 1 - level))
