"""The twin's machine: what happens in memory, step by step, under one policy.

Where no text says what happens, the rules are: a copy takes its frame before the original leaves, if nobody has
that any more, and the policy is told of both in the order freed, loaded; the original is not referenced by being
copied; a fork drops the translations of all private pages of the parent; the frame that became free last is taken
first; what ends is given up in the order of its pages.
"""

from . import twin_research  # noqa: F401  (adds its policies to the table)
from .twin_policies import POLICIES, splitmix
from .twin_tlb import Tlbs

COSTS = {"memory": 100, "tlb-l2": 3, "walk-ref": 20, "fault": 1000, "copy": 400, "read": 100000, "write": 100000}
KINDS = ("fills", "refills", "maps", "cow_copies", "cow_reuses")
COUNTERS = KINDS + (
    "refs", "reads", "writes", "ifetches", "hits", "minor_faults", "major_faults", "resident_sum", "peak_resident",
    "evictions_clean", "evictions_dirty", "expired", "expired_dirty", "freed", "freed_dirty", "prefetched", "populated", "originals", "swap_reads",
    "file_reads", "tlb_hits_l1i", "tlb_hits_l1d", "tlb_hits_l2", "tlb_misses", "shootdowns", "tlb_flushes", "time_ns")


class SwapFull(Exception):
    """A dirty page had to leave and found no slot."""


class Setting:
    """What a cell is replayed under. `quotas`: frames by process, or None; `swap`: slots, or None for no limit."""

    def __init__(self, policy, params, frames=None, tau=None, seed=1, quotas=None, swap=None, tlb="", bits="every",
                 warmup=0, costs=COSTS):
        self.policy, self.params, self.frames, self.tau, self.seed = policy, params, frames, tau, seed
        self.quotas, self.swap, self.tlb, self.bits, self.warmup, self.costs = quotas, swap, tlb, bits, warmup, costs


class Machine:
    """Memory under one policy. `spaces` has the steps, `setting` the rest."""

    def __init__(self, spaces, setting):
        self.spaces, self.setting = spaces, setting
        self.tlbs = None if spaces.trace.ids or setting.tlb == "none" else Tlbs(setting.tlb or "levels=4", spaces.trace.page_size)
        self.bits_by = "every" if self.tlbs is None else setting.bits
        self.frames, self.bits, self.dirty, self.owner = {}, {}, set(), {}
        self.slots, self.slots_peak, self.entries, self.seen = set(), 0, set(), set()
        self.free_frames, self.frames_used = [], 0
        self.choices = spaces.choices
        # Pages that the fault of their only owner read from swap: it may write them.
        self.writable = set()
        # Pages of shared memory that nobody has, but somebody maps.
        self.left_behind = set()
        # Whether the original of the next copy was read for it.
        self.fetched = False
        self.clock, self.actor, self.position, self.tau = {}, None, 0, setting.tau
        # Positions of the references to each page; of each position the process and its clock.
        self.uses, self.when = {}, {}
        for step in spaces.steps:
            if step[0] == "ref":
                self.position += 1
                self.uses.setdefault(step[4], []).append(self.position)
                self.clock[step[1]] = self.clock.get(step[1], 0) + 1
                self.when[self.position] = step[1], self.clock[step[1]]
        self.total, self.clock, self.position = self.position, {}, 0
        self.policies = self.assemble()
        self.zero()
        self.walk_levels, self.held = {}, {}
        self.fault_positions, self.intervals, self.times, self.after_each = [], [], [], []
        self.states = [dict.fromkeys(("resident", "resident_dirty", "swapped", "dropped", "faults"), 0)]
        # Whether texts tell where the cell ends, and why it ended.
        self.certain, self.status = True, "ok"
        self.run()

    def assemble(self):
        """The policies by process; one for all under None."""
        setting, kind = self.setting, POLICIES[self.setting.policy]
        if setting.quotas is None:
            return {None: kind(self, setting.frames, setting.params, setting.seed)}
        found, state, seed = {}, setting.seed, setting.seed
        for pid, quota in setting.quotas.items():
            found[pid] = kind(self, quota, setting.params, seed)
            state, seed = splitmix(state)
        return found

    def zero(self):
        self.count = dict.fromkeys(COUNTERS, 0)
        self.walk_levels = {}
        self.intervals, self.times, self.last_fault = [], [], None

    # What policies ask.

    def ids(self, thing):
        """The place of a page in the order in which pages are first referenced or asked for ahead."""
        return thing.number

    def clear(self, thing):
        """Clears a reference bit; with walk-flush its translations go, too."""
        if self.bits.get(thing):
            self.bits[thing] = False
            if self.bits_by == "walk-flush":
                self.shoot_all(thing)

    # Translations.

    def shoot(self, pid, page):
        if self.tlbs:
            self.count["shootdowns"] += self.tlbs.shoot(pid, page)

    def shoot_all(self, thing):
        for pid, page in self.held.get(thing, ()):
            self.shoot(pid, page)

    def translate(self, pid, page, side, fault):
        """One reference in the TLBs, before it is known to be served. Returns its time in ns, whether it walked."""
        costs = self.setting.costs
        if self.tlbs is None:
            return 0, True
        found = None if fault else self.tlbs.find(pid, page, side)
        if found == 1:
            self.count["tlb_hits_l1" + side] += 1
            return 0, False
        if found == 2:
            self.count["tlb_hits_l2"] += 1
            return costs["tlb-l2"], False
        self.count["tlb_misses"] += 1
        levels = self.tlbs.walk(pid, page)
        for level in levels:
            self.walk_levels[level] = self.walk_levels.get(level, 0) + 1
        return costs["walk-ref"] * len(levels), True

    # Frames.

    def policy_of(self, thing):
        return self.policies[None if self.setting.quotas is None else self.owner[thing]]

    def resident_of(self, pid):
        return sum(owner == pid for owner in self.owner.values())

    def stays(self, thing):
        """Whether a page that nobody has any more stays in its frame."""
        fixed = all(policy.space == "fixed" for policy in self.policies.values())
        return self.kept(thing) and fixed and self.setting.quotas is None

    def kept(self, thing):
        """Whether a page that nobody has any more is the same when somebody has it again."""
        return self.spaces.keeps and thing.of_file

    def leave(self, thing, why, wanted=True):
        """A page leaves memory: a victim, expired or freed. Returns whether it was written."""
        dirty = thing in self.dirty
        written = dirty and (why != "freed" or thing.of_file and wanted)
        if written and not thing.of_file and thing not in self.slots:
            if self.setting.swap is not None and len(self.slots) >= self.setting.swap:
                raise SwapFull
            self.slots.add(thing)
            self.slots_peak = max(self.slots_peak, len(self.slots))
        for pid, page in self.held.get(thing, ()):
            if (pid, page) in self.entries:
                self.entries.remove((pid, page))
                self.shoot(pid, page)
        if why == "evictions":
            self.count["evictions_dirty" if dirty else "evictions_clean"] += 1
        else:
            self.count[why] += 1
            self.count[why + "_dirty"] += written
        self.dirty.discard(thing)
        self.bits.pop(thing)
        self.owner.pop(thing)
        self.free_frames.append(self.frames.pop(thing))
        return written

    def frame(self, replaces):
        """The number of the frame for a page that comes in; that of its victim if it `replaces` one."""
        if not replaces and self.choices["free-frames"] == "fifo":
            quotas = self.setting.quotas
            all_frames = sum(quotas.values()) if quotas else self.setting.frames
            if all_frames is not None and not quotas:
                all_frames = min(all_frames, len(self.spaces.things))
            if all_frames is not None and self.frames_used >= all_frames:
                return self.free_frames.pop(0)
        elif self.free_frames:
            return self.free_frames.pop()
        self.frames_used += 1
        return self.frames_used - 1

    def bring(self, thing, pid, ahead, dirty=False, left=None, source=None):
        """A page comes in for a process; `left` is what nobody has any more, `source` what is being copied.

        Returns the number of pages written for it.
        """
        quotas, written = self.setting.quotas, 0
        limit = self.setting.frames if quotas is None else quotas[pid]
        policy = self.policies[None if quotas is None else pid]
        used = len(self.frames) if quotas is None else self.resident_of(pid)
        if limit is not None and used >= limit:
            pins = self.choices["pin-cow-source"] == "on" and source is not None
            victim = policy.victim_but(source, thing, ahead) if pins else policy.victim(thing, ahead)
            written = self.leave(victim, "evictions")
            self.frames[thing] = self.frame(True)
        else:
            self.frames[thing] = self.frame(False)
        self.bits[thing], self.owner[thing] = not ahead, pid
        if dirty:
            self.dirty.add(thing)
        self.seen.add(thing)
        if left in self.frames and not self.stays(left):
            self.policy_of(left).free(left)
            self.leave(left, "freed")
        policy.load(thing, ahead)
        return written

    def do_original(self, pid, thing):
        """What is to be copied comes in before that, if it can stay."""
        self.fetched = False
        self.held.setdefault(thing, [])
        if thing in self.frames or not self.stays(thing):
            return
        self.actor = pid, None
        self.clock.setdefault(pid, 0)
        self.tell_time(1)
        limit = self.setting.frames
        if limit is not None and len(self.frames) >= limit:
            self.leave(self.policies[None].victim(thing, True), "evictions")
            self.frames[thing] = self.frame(True)
        else:
            self.frames[thing] = self.frame(False)
        self.bits[thing], self.owner[thing] = True, pid
        self.seen.add(thing)
        self.policies[None].load(thing, False)
        self.read(thing)
        self.count["originals"] += 1
        self.fetched = True

    def read(self, thing):
        """Counts what is read for a page that is not in memory; returns whether it is of a device."""
        if thing == "file" or thing.of_file:
            self.count["file_reads"] += 1
            return True
        if thing in self.slots:
            self.count["swap_reads"] += 1
            return True
        return not self.spaces.mapped and thing in self.seen

    # Steps.

    def run(self):
        for step in self.spaces.steps:
            try:
                if step[0] == "ref":
                    self.reference(*step[1:])
                    if self.position == self.setting.warmup:
                        self.zero()
                elif step[0] == "mark":
                    self.snapshot(step[1])
                else:
                    getattr(self, "do_" + step[0])(*step[1:])
            except SwapFull:
                self.status = "swap-full"
                if step[0] in ("ahead", "populate") or self.fetched:
                    # Pages that the same advice brought in before stay; the twin knows events as a whole.
                    self.certain = False
                if self.result["position"] < self.setting.warmup:
                    self.zero()
                    self.result.update(self.count, walks={}, times=[], intervals=[])
                return

    def tell_time(self, ahead=0):
        """Tells the policies what time it is; what comes in ahead comes in at the time of the next reference."""
        for name, policy in self.policies.items():
            policy.now = ahead + (self.position if name is None else self.clock.get(name, 0))

    def reference(self, pid, kind, page, thing, original, alone, left):
        self.position += 1
        self.clock[pid] = self.clock.get(pid, 0) + 1
        self.actor, self.present = (pid, page), thing
        self.tell_time()
        count, costs = self.count, self.setting.costs
        if self.tlbs:
            count["tlb_flushes"] += self.tlbs.switch(pid)
        side = "i" if kind == "I" else "d"
        fault = self.kind_of_fault(pid, page, thing, original, alone)
        spent, walked = self.translate(pid, page, side, fault)
        spent += costs["memory"]
        if fault in ("cow_copies", "cow_reuses"):
            self.shoot(pid, page)
        if original is not None:
            self.release(pid, page, original)
        if fault in ("cow_copies", "fills", "refills"):
            source = original if fault == "cow_copies" else thing
            major = source not in self.frames and self.read(source) or fault == "cow_copies" and self.fetched
            self.fetched = False
            self.held.setdefault(thing, [])
            if (pid, page) not in self.held[thing]:
                self.held[thing].append((pid, page))
            alone_from_swap = fault == "refills" and thing in self.slots and len(self.held[thing]) == 1
            written = self.bring(thing, pid, False, kind == "W", original if left else None, original)
            self.map_from_swap(thing, alone_from_swap)
            spent += costs["copy"] * (fault == "cow_copies") + costs["read"] * major + costs["write"] * written
            count["major_faults"] += major
            count["minor_faults"] += not major
        else:
            self.held.setdefault(thing, [])
            if (pid, page) not in self.held[thing]:
                self.held[thing].append((pid, page))
            count["minor_faults"] += bool(fault)
            if kind == "W":
                self.dirty.add(thing)
            if self.bits_by == "every" or walked:
                self.bits[thing] = True
            policy = self.policy_of(thing)
            if self.setting.quotas and self.owner[thing] != pid:
                # Another process's reference comes at the time that the owner's next one will have.
                policy.now += 1
            policy.hit(thing)
        if left:
            self.slots.discard(original)
        self.entries.add((pid, page))
        if self.tlbs and walked:
            self.tlbs.fill(pid, page, side)
            if self.bits_by == "walk-flush" and not self.bits[thing]:
                self.shoot_all(thing)
        self.finish(pid, kind, fault, spent + costs["fault"] * bool(fault))

    def map_from_swap(self, thing, alone):
        """How a page is mapped that came in: its only owner may write what it read from swap."""
        self.writable.discard(thing)
        if alone and self.choices["swap-in"] == "writable":
            self.writable.add(thing)

    def release(self, pid, page, original):
        """The entry names the original no more."""
        self.entries.discard((pid, page))
        if (pid, page) in self.held.get(original, ()):
            self.held[original].remove((pid, page))
            if self.held[original] and original in self.frames:
                self.policy_of(original).gone(pid, page, original)

    def finish(self, pid, kind, fault, spent):
        """Counts a reference that was served, then what the policy does after it."""
        count = self.count
        count["refs"] += 1
        count[{"R": "reads", "W": "writes", "I": "ifetches"}[kind]] += 1
        count["hits"] += not fault
        count["time_ns"] += spent
        if fault:
            count[fault] += 1
            if self.last_fault is not None:
                self.intervals.append(self.position - self.last_fault)
            self.last_fault = self.position
        self.times.append(spent)
        full = None
        try:
            for name, policy in self.policies.items():
                if name in (None, pid) or policy.space == "variable":
                    for thing in policy.after(pid):
                        self.leave(thing, "expired")
        except SwapFull as error:
            full = error
            self.certain = all(policy.in_order for policy in self.policies.values())
        count["resident_sum"] += len(self.frames)
        count["peak_resident"] = max(count["peak_resident"], len(self.frames))
        self.after_each.append((bool(fault), len(self.frames)))
        self.states.append(self.state(bool(fault)))
        if full:
            if self.position == self.setting.warmup:
                self.zero()
            self.snapshot(self.spaces.after[self.position])
            raise full

    def kind_of_fault(self, pid, page, thing, original, alone):
        if original is not None:
            return "cow_copies"
        if thing not in self.frames:
            return "refills" if thing in self.seen else "fills"
        if (pid, page) not in self.entries:
            return "maps"
        return "cow_reuses" if alone and thing not in self.writable else None

    def forget_tables(self, pid):
        """The page tables of a process change."""
        if self.tlbs:
            self.tlbs.forget(pid)

    def do_gone(self, pid, page, thing, last, wanted):
        self.forget_tables(pid)
        if (pid, page) in self.entries:
            self.entries.remove((pid, page))
            self.shoot(pid, page)
        if (pid, page) in self.held.get(thing, ()):
            self.held[thing].remove((pid, page))
        if not last:
            if not self.held.get(thing):
                self.left_behind.add(thing)
            if thing in self.frames:
                self.policy_of(thing).gone(pid, page, thing)
            return
        if wanted and self.stays(thing):
            return
        if thing in self.frames:
            self.policy_of(thing).free(thing)
            self.leave(thing, "freed", wanted)
        if wanted and self.kept(thing):
            return
        self.slots.discard(thing)
        self.seen.discard(thing)

    def do_forget(self, thing):
        if thing in self.frames:
            self.policy_of(thing).free(thing)
            self.leave(thing, "freed", False)
        self.seen.discard(thing)
        self.slots.discard(thing)
        self.left_behind.discard(thing)

    def do_moved(self, pid, page, to, thing):
        self.forget_tables(pid)
        if (pid, page) in self.entries:
            self.entries.remove((pid, page))
            self.entries.add((pid, to))
            self.shoot(pid, page)
        if (pid, page) in self.held.get(thing, ()):
            self.held[thing][self.held[thing].index((pid, page))] = (pid, to)
        if thing in self.frames:
            self.policy_of(thing).moved(pid, page, to, thing)

    def do_entry(self, pid, page, thing):
        self.forget_tables(pid)
        if (pid, page) in self.entries:
            self.entries.remove((pid, page))
            self.shoot(pid, page)

    def do_changed(self, pid, page):
        self.forget_tables(pid)
        self.shoot(pid, page)

    def do_forked(self, pid, child, page, thing, entered):
        self.held.setdefault(thing, []).append((child, page))
        self.writable.discard(thing)
        if entered and (pid, page) in self.entries:
            self.entries.add((child, page))

    def do_ahead(self, pid, page, thing):
        self.held.setdefault(thing, [])
        if (pid, page) not in self.held[thing]:
            self.held[thing].append((pid, page))
        if thing in self.frames or not (thing.of_file or thing in self.slots):
            return
        self.actor = pid, page
        self.clock.setdefault(pid, 0)
        self.tell_time(1)
        self.read(thing)
        self.bring(thing, pid, True)
        self.count["prefetched"] += 1

    def do_populate(self, pid, kind, page, thing, original, alone, left):
        copied = original is not None
        self.actor = pid, page
        self.clock.setdefault(pid, 0)
        self.tell_time(1)
        source = original if copied else thing
        reads = copied or thing.of_file or thing in self.seen
        if source not in self.frames and reads:
            self.read(source)
        self.fetched = False
        if copied:
            if (pid, page) in self.entries:
                self.shoot(pid, page)
            self.release(pid, page, original)
        elif alone:
            self.forget_tables(pid)
            self.shoot(pid, page)
        self.held.setdefault(thing, [])
        if (pid, page) not in self.held[thing]:
            self.held[thing].append((pid, page))
        if thing not in self.frames:
            alone_from_swap = thing in self.slots and len(self.held[thing]) == 1
            self.bring(thing, pid, True, False, original if left else None, original)
            self.map_from_swap(thing, alone_from_swap)
            self.count["populated"] += 1
        if left:
            self.slots.discard(original)
        self.entries.add((pid, page))
        if kind == "W":
            self.dirty.add(thing)

    # Results.

    def state(self, fault):
        """What is where after a reference, and the faults so far, warm-up included."""
        away = self.away()
        swapped = sum(thing in self.slots for thing in away)
        return {"resident": len(self.frames), "resident_dirty": len(self.dirty), "swapped": swapped,
                "dropped": len(away) - swapped, "faults": self.states[-1]["faults"] + fault}

    def away(self):
        """The pages that left memory and that somebody has or may have again."""
        has = lambda thing: self.held.get(thing) or self.kept(thing) or thing in self.left_behind
        return [thing for thing in self.seen if has(thing) and thing not in self.frames]

    def snapshot(self, fact):
        """Keeps the counters as they are, with what is where."""
        away = self.away()
        self.result = {
            **self.count, "walks": dict(self.walk_levels), "resident_end": len(self.frames), "dirty_end": len(self.dirty),
            "swapped_end": sum(thing in self.slots for thing in away),
            "dropped_end": sum(thing not in self.slots for thing in away), "swap_slots": len(self.slots),
            "swap_slots_peak": self.slots_peak, "fact": fact, "times": list(self.times), "intervals": list(self.intervals),
            "position": self.position, "after_each": list(self.after_each)}
