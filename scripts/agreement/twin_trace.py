"""The twin's reader: a trace in the program's plain text format as a list of items.

An item is a tuple. ("ref", pid, kind, page) is one reference to one page: an access that crosses a
page boundary is one reference per page. ("event", pid, words) is anything else.
"""


class TwinTrace:
    """A trace at one page size. `ids`: pages are given by number and have no addresses."""

    def __init__(self, text, page_size):
        self.page_size = page_size
        self.ids = False
        self.kind = "full"
        self.items = []
        pid = 0
        for line in text.splitlines():
            words = line.split()
            if not words:
                continue
            if words[0] == "#":
                if words[1:2] == ["addressing:"]:
                    self.ids = words[2] == "ids"
                elif words[1:2] == ["kind:"]:
                    self.kind = words[2]
            elif words[0] == "switch":
                pid = int(words[1])
            elif words[0] in ("I", "R", "W"):
                size = int(words[2]) if len(words) > 2 else 1
                for page in self.pages(words[1], size):
                    self.items.append(("ref", pid, words[0], page))
            else:
                self.items.append(("event", pid, words))
        self.recorded = any(item[0] == "event" and item[2][0] in ("map", "brk") for item in self.items)

    def pages(self, address, size):
        """The page numbers that an access touches."""
        if self.ids:
            return range(int(address), int(address) + size)
        start = int(address, 16)
        return range(start // self.page_size, (start + size - 1) // self.page_size + 1)

    def take(self, data_only=False, pids=None, skip=0, limit=None):
        """Leaves out references, never events: by kind, by process, then the first ones and the last ones.

        Nothing behind the last reference that is taken is read.
        """
        items, seen = [], 0
        for item in self.items:
            if item[0] == "ref":
                if data_only and item[2] == "I" or pids is not None and item[1] not in pids:
                    continue
                seen += 1
                if seen <= skip:
                    continue
                if limit is not None and seen > skip + limit:
                    break
            items.append(item)
        self.items = items
