"""The twin's policies of textbooks: lists in order of time, and linear scans.

A policy is told of pages that come in (`load`), are found (`hit`) and go otherwise than by its own choice
(`free`), and is asked for a `victim`, which it then forgets. `memory` knows bits, frames and clocks.
`self.now` is the number of references so far, the present one included: of the trace, or with quotas of
the process. `ahead`: the page comes in before it is used.
"""

import math
from fractions import Fraction

FOREVER = math.inf


class Policy:
    """What most policies need: the pages in the order in which they came in, the oldest first."""

    space = "fixed"
    # Whether texts tell the order in which pages leave that leave after one reference.
    in_order = True
    # Whether the choice among all pages but one is that of memory without this one.
    spares = False

    def __init__(self, memory, capacity, params, seed=1):
        self.memory = memory
        self.capacity = capacity
        self.params = params
        self.seed = seed
        self.now = 0
        self.order = []
        self.begin()

    def param(self, name, default):
        value = self.params.get(name, default)
        return None if value is None or value == "off" else Fraction(str(value))

    def whole(self, name, default):
        value = self.param(name, default)
        return None if value is None else int(value)

    def begin(self):
        """Sets up what a policy keeps beside `order`."""

    def load(self, thing, ahead):
        self.order.append(thing)

    def hit(self, thing):
        pass

    def free(self, thing):
        self.order.remove(thing)

    def victim(self, wanted, ahead):
        found = self.choose(wanted, ahead)
        self.order.remove(found)
        return found

    def victim_but(self, spare, wanted, ahead):
        """The victim among all pages but `spare`, which may be the only one."""
        if spare not in self.order or len(self.order) == 1:
            return self.victim(wanted, ahead)
        before = self.order
        self.order = [thing for thing in before if thing is not spare]
        found = self.choose(wanted, ahead)
        self.order = [thing for thing in before if thing is not found]
        return found

    def choose(self, wanted, ahead):
        raise NotImplementedError

    def after(self, pid):
        """A reference is over; returns the pages that leave now."""
        return []

    def gone(self, pid, page, thing):
        """A process has a page no more that others still have."""

    def moved(self, pid, page, to, thing):
        """A process has a page elsewhere."""


class Fifo(Policy):
    spares = True

    def choose(self, wanted, ahead):
        return self.order[0]


class Lru(Policy):
    spares = True

    def hit(self, thing):
        self.order.remove(thing)
        self.order.append(thing)

    def choose(self, wanted, ahead):
        return self.order[0]


class Mru(Lru):
    def choose(self, wanted, ahead):
        return self.order[-1]


class Clock(Policy):
    """`order` begins at the hand."""

    def load(self, thing, ahead):
        self.order.append(thing)
        if self.whole("load-bit", 1) == 0:
            self.memory.clear(thing)

    def choose(self, wanted, ahead):
        while self.memory.bits[self.order[0]]:
            self.memory.clear(self.order[0])
            self.order.append(self.order.pop(0))
        return self.order[0]


class Gclock(Policy):
    def begin(self):
        self.counter = {}
        self.most = 2 ** self.whole("bits", 2) - 1

    def load(self, thing, ahead):
        self.order.append(thing)
        self.counter[thing] = 0 if ahead else min(self.most, self.whole("load", 1))

    def hit(self, thing):
        self.counter[thing] = min(self.most, self.counter[thing] + 1)

    def choose(self, wanted, ahead):
        while self.counter[self.order[0]]:
            self.counter[self.order[0]] -= 1
            self.order.append(self.order.pop(0))
        return self.order[0]


class Circle(Policy):
    """Frames by number, with a hand that stands at one of them."""

    def begin(self):
        self.hand = 0

    def round(self):
        """All pages from the hand on."""
        return sorted(self.order, key=lambda thing: (self.memory.frames[thing] < self.hand, self.memory.frames[thing]))

    def past(self, thing):
        self.hand = self.memory.frames[thing] + 1
        return thing


class Esc(Circle):
    def load(self, thing, ahead):
        self.order.append(thing)
        if self.whole("load-bit", 1) == 0:
            self.memory.clear(thing)

    def choose(self, wanted, ahead):
        while True:
            for thing in self.round():
                if not self.memory.bits[thing] and thing not in self.memory.dirty:
                    return self.past(thing)
            for thing in self.round():
                if not self.memory.bits[thing] and thing in self.memory.dirty:
                    return self.past(thing)
                self.memory.clear(thing)


class Nru(Circle):
    def choose(self, wanted, ahead):
        classes = [(2 * self.memory.bits[thing] + (thing in self.memory.dirty)) for thing in self.round()]
        return self.past(self.round()[classes.index(min(classes))])

    def after(self, pid):
        if self.now % self.whole("tick", 10000) == 0:
            for thing in self.order:
                self.memory.clear(thing)
        return []


class Aging(Policy):
    def begin(self):
        self.counter = {}
        self.width = self.whole("bits", 8)

    def load(self, thing, ahead):
        self.order.append(thing)
        self.counter[thing] = 0

    def choose(self, wanted, ahead):
        return min(self.order, key=lambda thing: (self.memory.bits[thing], self.counter[thing]))

    def after(self, pid):
        if self.now % self.whole("tick", 10000) == 0:
            for thing in self.order:
                self.counter[thing] = self.counter[thing] >> 1 | int(self.memory.bits[thing]) << self.width - 1
                self.memory.clear(thing)
        return []


class Lfu(Lru):
    def begin(self):
        self.counter = {}

    def load(self, thing, ahead):
        self.order.append(thing)
        if self.whole("keep", 1) == 0:
            self.counter[thing] = 0
        self.counter[thing] = self.counter.get(thing, 0) + 1

    def hit(self, thing):
        super().hit(thing)
        self.counter[thing] += 1

    def choose(self, wanted, ahead):
        return min(self.order, key=self.counter.get)

    def after(self, pid):
        age = self.whole("age", None)
        if age and self.now % age == 0:
            for thing in self.counter:
                self.counter[thing] //= 2
        return []


class Random(Policy):
    def begin(self):
        self.state = self.seed

    def choose(self, wanted, ahead):
        self.state, drawn = splitmix(self.state)
        return self.order[drawn * len(self.order) >> 64]

    def victim(self, wanted, ahead):
        found = self.choose(wanted, ahead)
        self.free(found)
        return found

    def free(self, thing):
        at = self.order.index(thing)
        self.order[at] = self.order[-1]
        self.order.pop()


def splitmix(state):
    """The next state of SplitMix64 and its output."""
    mask = (1 << 64) - 1
    state = state + 0x9E3779B97F4A7C15 & mask
    word = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & mask
    word = (word ^ word >> 27) * 0x94D049BB133111EB & mask
    return state, word ^ word >> 31


class Opt(Policy):
    """`memory.uses` has the positions of the references to each page, `memory.ids` their order of first use."""

    spares = True

    def next(self, thing):
        return next((at for at in self.memory.uses.get(thing, []) if at > self.memory.position), FOREVER)

    def choose(self, wanted, ahead):
        return max(self.order, key=lambda thing: (self.next(thing), -self.memory.ids(thing)))


class Ws(Policy):
    """Last references by entry: `last[thing][pid, page]` in references of the process.

    A reference counts for the entry that it went through: when a process gives that up, it counts no more.
    """

    space = "variable"
    in_order = False

    def begin(self):
        self.last = {}
        # Pages that are in no window any more since a process gave them up.
        self.given_up = []

    def touch(self, thing):
        pid, page = self.memory.actor
        self.last.setdefault(thing, {})[pid, page] = self.memory.clock[pid]

    def load(self, thing, ahead):
        self.order.append(thing)
        self.touch(thing)

    def hit(self, thing):
        self.order.remove(thing)
        self.order.append(thing)
        self.touch(thing)

    def after(self, pid):
        left = []
        for thing in self.order:
            windows = self.last[thing]
            for entry in list(windows):
                if entry[0] == pid and windows[entry] <= self.memory.clock[pid] - self.memory.tau:
                    del windows[entry]
            if not windows and thing not in self.given_up:
                left.append(thing)
        given = [thing for thing in self.given_up if not self.last.get(thing, True)]
        left += sorted(given, key=lambda thing: thing.number)
        self.given_up = []
        for thing in left:
            self.free(thing)
        return left

    def free(self, thing):
        self.order.remove(thing)
        self.last.pop(thing)

    def gone(self, pid, page, thing):
        if self.last[thing].pop((pid, page), None) is not None and not self.last[thing]:
            self.given_up.append(thing)

    def moved(self, pid, page, to, thing):
        windows = self.last[thing]
        if (pid, page) in windows:
            windows[pid, to] = windows.pop((pid, page))

    def victim(self, wanted, ahead):
        found = self.order[0]
        self.free(found)
        return found


class Vmin(Policy):
    """`going` are the pages that leave after the next reference."""

    space = "variable"

    def begin(self):
        self.going = []

    def load(self, thing, ahead):
        self.order.append(thing)
        if ahead and not self.soon(thing):
            self.going.append(thing)

    def hit(self, thing):
        if thing in self.going:
            self.going.remove(thing)

    def soon(self, thing):
        """Whether the next reference is within the window of the process that makes it."""
        at = next((at for at in self.memory.uses.get(thing, []) if at > self.memory.position), None)
        if at is None:
            return False
        who, clock = self.memory.when[at]
        return clock - self.memory.clock.get(who, 0) <= self.memory.tau

    def after(self, pid):
        left = [thing for thing in self.going if thing in self.order]
        for thing in left:
            self.free(thing)
        self.going = [] if self.soon(self.memory.present) else [self.memory.present]
        return left


class Wsclock(Circle):
    def begin(self):
        self.hand = 0
        self.used = {}

    def load(self, thing, ahead):
        self.order.append(thing)
        self.used[thing] = self.time(thing)

    def time(self, thing):
        return self.memory.clock[self.memory.owner[thing]]

    def choose(self, wanted, ahead):
        window = self.whole("tau", 10000)
        first = None
        for thing in self.round():
            if self.memory.bits[thing]:
                self.memory.clear(thing)
                self.used[thing] = self.time(thing)
            elif self.time(thing) - self.used[thing] > window:
                if thing not in self.memory.dirty:
                    return self.past(thing)
                first = first or thing
        clean = [thing for thing in self.round() if thing not in self.memory.dirty]
        return self.past(first or (clean or self.round())[0])


class Sieve(Policy):
    """`hand` is the page at which the next search begins; the oldest one if it is None."""

    def begin(self):
        self.hand = None

    def newer(self, thing):
        at = self.order.index(thing) + 1
        return self.order[at] if at < len(self.order) else None

    def load(self, thing, ahead):
        self.order.append(thing)
        self.memory.clear(thing)

    def choose(self, wanted, ahead):
        while True:
            thing = self.hand or self.order[0]
            self.hand = self.newer(thing)
            if not self.memory.bits[thing]:
                return thing
            self.memory.clear(thing)

    def free(self, thing):
        if self.hand is thing:
            self.hand = self.newer(thing)
        self.order.remove(thing)


POLICIES = {
    "lru": Lru, "fifo": Fifo, "clock": Clock, "gclock": Gclock, "esc": Esc, "nru": Nru, "aging": Aging, "lfu": Lfu,
    "mru": Mru, "random": Random, "opt": Opt, "ws": Ws, "vmin": Vmin, "wsclock": Wsclock, "sieve": Sieve,
}
