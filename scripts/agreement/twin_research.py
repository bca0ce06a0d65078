"""The twin's policies of research papers: lists, and sums that are exact or have 50 digits."""

import decimal
from fractions import Fraction

from .twin_policies import FOREVER, POLICIES, Lru, Policy, Ws

EXACT = decimal.Context(prec=50)


class LruK(Lru):
    """Figure 2.1 of the paper. `history[thing]` are the last K times, the newest first; 0 is never."""

    def begin(self):
        self.history, self.last = {}, {}
        self.k, self.crp, self.retain = self.whole("k", 2), self.whole("crp", 0), self.whole("retain", None)

    def load(self, thing, ahead):
        self.order.append(thing)
        now = self.now
        known = self.history.get(thing)
        if known is not None and self.retain is not None and now - self.last[thing] > self.retain:
            known = None
        self.history[thing] = [now] + (known or [0] * self.k)[:self.k - 1]
        self.last[thing] = now

    def hit(self, thing):
        super().hit(thing)
        now, times = self.now, self.history[thing]
        if now - self.last[thing] > self.crp:
            shift = self.last[thing] - times[0]
            self.history[thing] = [now] + [time + shift if time else 0 for time in times[:self.k - 1]]
        self.last[thing] = now

    def choose(self, wanted, ahead):
        old = [thing for thing in self.order if self.now - self.last[thing] > self.crp] or self.order
        return min(old, key=lambda thing: self.history[thing][-1])


class Lrfu(Lru):
    """`sums[thing]` is (time, sum at that time)."""

    def begin(self):
        self.sums = {}

    def faded(self, thing):
        time, total = self.sums[thing]
        age = self.param("lambda", "0.001") * (self.now - time)
        power = EXACT.divide(decimal.Decimal(-age.numerator), decimal.Decimal(age.denominator))
        return EXACT.multiply(total, EXACT.power(decimal.Decimal(2), power))

    def load(self, thing, ahead):
        self.order.append(thing)
        self.sums[thing] = self.now, decimal.Decimal(1)

    def hit(self, thing):
        super().hit(thing)
        self.sums[thing] = self.now, EXACT.add(self.faded(thing), decimal.Decimal(1))

    def choose(self, wanted, ahead):
        return min(self.order, key=self.faded)


class Slru(Policy):
    """`segments[0]` is the probationary one; each has the least recently used page first."""

    def begin(self):
        many = self.whole("segments", 2)
        self.size = int(self.param("protected", "0.8") * self.capacity / (many - 1))
        self.segments = [[] for _ in range(many)]

    def load(self, thing, ahead):
        self.segments[0].append(thing)

    def free(self, thing):
        for segment in self.segments:
            if thing in segment:
                segment.remove(thing)

    def hit(self, thing):
        at = next(index for index, segment in enumerate(self.segments) if thing in segment)
        self.segments[at].remove(thing)
        if self.size:
            at = min(at + 1, len(self.segments) - 1)
        self.segments[at].append(thing)
        while at and len(self.segments[at]) > self.size:
            self.segments[at - 1].append(self.segments[at].pop(0))
            at -= 1

    def victim(self, wanted, ahead):
        return next(segment for segment in self.segments if segment).pop(0)


class TwoQ(Policy):
    """`first` is A1in, `second` Am, `ghosts` A1out; the oldest first."""

    remembers = True

    def begin(self):
        self.first, self.second, self.ghosts = [], [], []
        self.most = max(1, int(self.param("kin", "0.25") * self.capacity))
        self.out = max(1, int(self.param("kout", "0.5") * self.capacity))
        self.again = None

    def victim(self, wanted, ahead):
        self.recall(wanted)
        if len(self.first) > self.most or not self.second:
            found = self.first.pop(0)
            if self.remembers:
                self.ghosts.append(found)
                if len(self.ghosts) > self.out:
                    self.ghosts.pop(0)
            return found
        return self.second.pop(0)

    def recall(self, thing):
        if thing in self.ghosts:
            self.ghosts.remove(thing)
            self.again = thing

    def load(self, thing, ahead):
        self.recall(thing)
        (self.second if self.again is thing else self.first).append(thing)
        self.again = None

    def hit(self, thing):
        if thing in self.second:
            self.second.remove(thing)
            self.second.append(thing)

    def free(self, thing):
        (self.first if thing in self.first else self.second).remove(thing)


class TwoQSimple(TwoQ):
    remembers = False

    def hit(self, thing):
        self.free(thing)
        self.second.append(thing)


class Arc(Policy):
    """`t` and `b` are the paper's T1, T2 and B1, B2, the least recently used first."""

    def begin(self):
        self.t, self.b = ([], []), ([], [])
        self.target = 0.0
        self.again, self.room = None, True

    def move(self, thing):
        """A page that is remembered moves the target."""
        one, two = len(self.b[0]), len(self.b[1])
        if thing in self.b[0]:
            self.target = min(float(self.capacity), self.target + max(two / one, 1.0))
        else:
            self.target = max(0.0, self.target - max(one / two, 1.0))

    def replace(self, wanted):
        size = len(self.t[0])
        first = size and (wanted in self.b[1] and size == self.target or size > self.target)
        side = 0 if first or not self.t[1] else 1
        found = self.t[side].pop(0)
        self.b[side].append(found)
        return found

    def victim(self, wanted, ahead):
        self.room = False
        if wanted in self.b[0] or wanted in self.b[1]:
            self.move(wanted)
            found = self.replace(wanted)
            self.recall(wanted)
            return found
        if len(self.t[0]) + len(self.b[0]) == self.capacity and not self.b[0]:
            return self.t[0].pop(0)
        self.trim()
        return self.replace(wanted)

    def trim(self):
        """A page that is not remembered comes in: a ghost may have to go."""
        lists = len(self.t[0]) + len(self.b[0]), len(self.t[1]) + len(self.b[1])
        if lists[0] >= self.capacity and self.b[0]:
            self.b[0].pop(0)
        elif lists[0] < self.capacity and sum(lists) >= 2 * self.capacity and self.b[1]:
            self.b[1].pop(0)

    def recall(self, thing):
        for ghosts in self.b:
            if thing in ghosts:
                ghosts.remove(thing)
        self.again = thing

    def load(self, thing, ahead):
        if thing in self.b[0] or thing in self.b[1]:
            self.move(thing)
            self.recall(thing)
        elif self.again is not thing and self.room:
            self.trim()
        self.room = True
        self.t[1 if self.again is thing else 0].append(thing)
        self.again = None

    def hit(self, thing):
        self.free(thing)
        self.t[1].append(thing)

    def free(self, thing):
        self.t[0 if thing in self.t[0] else 1].remove(thing)


class Car(Arc):
    """The same lists as circles, each with its hand at the first page."""

    def trim(self):
        """While frames are free no ghost goes."""

    def victim(self, wanted, ahead):
        """Lines 4 to 10 of Figure 2; after pages were freed there may be more ghosts than the figure foresees."""
        found = self.sweep()
        if wanted not in self.b[0] and wanted not in self.b[1]:
            if len(self.t[0]) + len(self.b[0]) >= self.capacity and self.b[0]:
                self.b[0].pop(0)
            elif sum(map(len, self.t + self.b)) >= 2 * self.capacity and self.b[1]:
                self.b[1].pop(0)
        return found

    def sweep(self):
        while True:
            side = 0 if self.t[0] and len(self.t[0]) >= max(1, self.target) or not self.t[1] else 1
            thing = self.t[side].pop(0)
            if not self.memory.bits[thing]:
                self.b[side].append(thing)
                return thing
            self.memory.clear(thing)
            self.t[1].append(thing)

    def load(self, thing, ahead):
        super().load(thing, ahead)
        self.memory.clear(thing)

    def hit(self, thing):
        pass


class OptWb(POLICIES["opt"]):
    spares = False

    def choose(self, wanted, ahead):
        def weight(thing):
            dirty = thing in self.memory.dirty
            at = self.next(thing)
            if at == FOREVER and not dirty:
                return FOREVER, True, -self.memory.ids(thing)
            at = self.memory.total + 1 if at == FOREVER else at
            distance = Fraction(at - self.memory.position - ahead, 1 + self.whole("write-cost", 1) if dirty else 1)
            return distance, not dirty, -self.memory.ids(thing)

        return max(self.order, key=weight)


class Dws(Ws):
    """As the working set; a reference that loads a page costs the oldest one of its process."""

    loaded = False

    def load(self, thing, ahead):
        super().load(thing, ahead)
        self.loaded = self.loaded or not ahead

    def after(self, pid):
        left, loaded, self.loaded = super().after(pid), self.loaded, False
        tau, clock = self.memory.tau, self.memory.clock[pid]
        if not loaded:
            return left
        old = [(time, index, entry, thing) for index, thing in enumerate(self.order)
               for entry, time in self.last[thing].items() if entry[0] == pid]
        time, _, entry, thing = min(old, key=lambda found: found[:2])
        if clock - time >= max(1, int(self.param("alpha", "0.5") * tau)):
            del self.last[thing][entry]
            if not self.last[thing]:
                self.free(thing)
                left.append(thing)
        return left


class Sws(Policy):
    """`idle[thing]` is the number of looks that found the page unreferenced, one after the other."""

    space = "variable"
    in_order = False

    def begin(self):
        self.idle = {}

    def load(self, thing, ahead):
        self.order.append(thing)
        self.idle[thing] = 0

    def own(self, pid):
        return [thing for thing in self.order if self.memory.owner[thing] == pid]

    def after(self, pid):
        interval, left = self.whole("interval", 1000), []
        if self.memory.clock[pid] % interval:
            return left
        for thing in self.own(pid):
            self.idle[thing] = 0 if self.memory.bits[thing] else self.idle[thing] + 1
            self.memory.clear(thing)
            if self.idle[thing] >= max(1, self.memory.tau // interval):
                self.order.remove(thing)
                left.append(thing)
        return left


class Pff(Sws):
    """`before[pid]` is the time of the last fault of a process, `going` what leaves after this reference."""

    def begin(self):
        self.before = {}
        self.going = []

    def load(self, thing, ahead):
        if not ahead:
            pid, _ = self.memory.actor
            clock = self.memory.clock[pid]
            rare = pid in self.before and clock - self.before[pid] >= self.memory.tau
            self.going = [old for old in self.own(pid) if rare and not self.memory.bits[old]]
            for old in self.own(pid):
                if rare or self.whole("reset", 1):
                    self.memory.clear(old)
            self.before[pid] = clock
        self.order.append(thing)

    def after(self, pid):
        left, self.going = [thing for thing in self.going if thing in self.order], []
        for thing in left:
            self.order.remove(thing)
        return left


POLICIES.update({
    "lru-k": LruK, "lrfu": Lrfu, "slru": Slru, "2q": TwoQ, "2q-simple": TwoQSimple, "arc": Arc, "car": Car, "opt-wb": OptWb,
    "dws": Dws, "sws": Sws, "pff": Pff,
})
