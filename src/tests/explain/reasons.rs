//! Every reason that `explain` gives on random strings, held against what can be told without the
//! policy: the string, the faults, the frames with their bits, and the order shown before the page
//! was chosen. A text that is not known here fails, so that a new one is checked, too.

use super::story;
use crate::oracle::Ref;
use crate::support::random::Random;
use crate::support::{Setting, trace_of};
use pagebench::internals::vm::machine::stepper::{Cause, Gone, Held, Step};

/// Strings of one process: times in reasons are then positions.
fn some_refs(random: &mut Random) -> Vec<Ref> {
    let pages = 3 + random.below(6);
    let length = 10 + random.below(60);
    let one = |_| Ref {
        process: 0,
        page: random.below(pages),
        write: random.below(3) == 0,
        ifetch: false,
    };
    (0..length).map(one).collect()
}

/// A page that left, and what was there before.
struct Case<'a> {
    setting: &'a Setting,
    refs: &'a [Ref],
    steps: &'a [Step],
    /// The position of the reference at which it left.
    at: usize,
    gone: &'a Gone,
    why: &'a str,
}

impl Case<'_> {
    fn fail(&self, what: &str) -> ! {
        let policy = self.setting.describe();
        let letter = |r: &Ref| format!("{}{}", r.page, if r.write { "w" } else { "" });
        let refs: Vec<String> = self.refs.iter().map(letter).collect();
        let refs = refs.join(" ");
        panic!(
            "{policy}, reference {}: {what}: {:?} of {refs}",
            self.at + 1,
            self.why
        )
    }

    fn holds(&self, fact: bool, what: &str) {
        if !fact {
            self.fail(what);
        }
    }

    /// The pages in frames before the reference, with their bits.
    fn before(&self) -> impl Iterator<Item = (usize, Held)> + '_ {
        let frames = match self.at {
            0 => &[],
            at => &self.steps[at - 1].frames[..],
        };
        let held = frames.iter().enumerate();
        held.filter_map(|(frame, held)| Some((frame, (*held)?)))
    }

    fn page(&self) -> (usize, Held) {
        let found = self
            .before()
            .find(|(_, held)| held.entry == self.gone.entry);
        found.unwrap_or_else(|| self.fail("it was in no frame"))
    }

    fn others(&self) -> impl Iterator<Item = (usize, Held)> + '_ {
        self.before()
            .filter(|(_, held)| held.entry != self.gone.entry)
    }

    /// References to a page before the victim was chosen, from 1.
    fn references(&self, entry: u32) -> Vec<usize> {
        let until = self.at + usize::from(self.gone.cause == Cause::Expired);
        let steps = self.steps[..until].iter();
        let of = steps.filter(|step| step.entry == entry);
        of.map(|step| step.position as usize + 1).collect()
    }

    fn last(&self, entry: u32) -> usize {
        *self.references(entry).last().expect("it was referenced")
    }

    /// The reference, from 1, that brought a page in.
    fn loaded(&self, entry: u32) -> usize {
        let steps = self.steps[..=self.at].iter();
        let mut loads = steps.filter(|step| step.entry == entry && step.fault.is_some());
        // The page may leave for the reference that is under way, but cannot come in with it.
        let until = self.at as u64 + u64::from(self.gone.cause == Cause::Expired);
        let load = loads
            .rfind(|step| step.position < until)
            .expect("it came in");
        load.position as usize + 1
    }

    /// What the policy said of a page before the reference.
    fn word(&self, entry: u32) -> &str {
        let (_, order) = self.steps[self.at - 1].state.as_ref().expect("asked for");
        let found = order.iter().find(|(page, _)| *page == entry);
        &found
            .unwrap_or_else(|| self.fail("it is not in the order"))
            .1
    }

    /// The pages of the order before the reference with a word on them that has `part`.
    fn with_word(&self, part: &str) -> Vec<u32> {
        let (_, order) = self.steps[self.at - 1].state.as_ref().expect("asked for");
        let found = order.iter().filter(|(_, word)| word.contains(part));
        found.map(|(page, _)| *page).collect()
    }

    /// The number behind some words of the reason.
    fn number(&self, words: &str) -> Option<u64> {
        let from = self.why.find(words)? + words.len();
        let digits: String = self.why[from..]
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        Some(digits.parse().unwrap_or_else(|_| self.fail("no number")))
    }

    /// Every text with a reference in it, and with bits that the hand cleared.
    fn common(&self) {
        let entry = self.gone.entry;
        // Texts count references from 0.
        if let Some(last) = self.number("last at reference ") {
            self.holds(last + 1 == self.last(entry) as u64, "its last reference");
        }
        for words in ["loaded at reference ", "loaded first, at reference "] {
            if let Some(loaded) = self.number(words) {
                self.holds(loaded + 1 == self.loaded(entry) as u64, "its load");
            }
        }
        self.holds(!self.why.contains("ahead"), "nothing comes in ahead here");
        let next = self.refs[self.at..].iter();
        let next = next
            .clone()
            .position(|r| r.page == self.refs[self.last(entry) - 1].page);
        if let Some(at) = self.number("next used at reference ") {
            self.holds(
                next.map(|n| (self.at + n) as u64) == Some(at),
                "its next use",
            );
        }
        if self.why.contains("never used again") {
            self.holds(next.is_none(), "it is used again");
        }
        let dirty = self.page().1.dirty;
        if self.gone.cause == Cause::Victim {
            self.holds(self.gone.written == dirty, "dirty pages are written back");
        }
    }

    /// The bits that the hand cleared: those that were set, and are not afterwards.
    fn cleared(&self) {
        let after = &self.steps[self.at].frames;
        let lost = self.others().filter(|&(frame, held)| {
            held.referenced && after[frame].is_some_and(|now| !now.referenced)
        });
        let lost = lost.count() as u64;
        let told = match self.number("the bits of ") {
            Some(told) => told,
            None => self.number("its own bit and those of ").unwrap_or(0),
        };
        self.holds(told == lost, &format!("{lost} bits were cleared"));
        let own = self.why.contains("its own bit");
        self.holds(own == self.page().1.referenced, "its own bit");
    }

    fn all(&self, mut is: impl FnMut(u32, Held) -> bool) -> bool {
        self.before().all(|(_, held)| is(held.entry, held))
    }

    /// Of these pages it is the one with the least key.
    fn least<K: Ord>(&self, among: &[u32], key: impl Fn(u32) -> K) {
        let own = key(self.gone.entry);
        self.holds(among.contains(&self.gone.entry), "it is none of these");
        self.holds(
            among.iter().all(|&other| own <= key(other)),
            "another is before it",
        );
    }

    fn resident(&self) -> Vec<u32> {
        self.before().map(|(_, held)| held.entry).collect()
    }

    fn is(&self, text: &str) -> bool {
        self.why == text
    }
}

/// Checks the properties that the texts of one policy state.
type Check = fn(&Case<'_>);

/// The policies with the checks of their texts. Numbers that many texts have are checked for all.
const CHECKS: &[(&str, Check)] = &[
    ("lru", |case| {
        case.holds(case.why.starts_with("least recently used, last"), "unknown");
        case.least(&case.resident(), |page| case.last(page));
    }),
    ("mru", |case| {
        case.holds(case.why.starts_with("most recently used, last"), "unknown");
        case.least(&case.resident(), |page| std::cmp::Reverse(case.last(page)));
    }),
    ("fifo", |case| {
        case.holds(
            case.why.starts_with("loaded first, at reference "),
            "unknown",
        );
        case.least(&case.resident(), |page| case.loaded(page));
    }),
    ("random", |case| {
        case.holds(case.is("drawn at random"), "unknown")
    }),
    ("clock", clock),
    ("clock:load-bit=0", clock),
    ("sieve", |case| {
        let text =
            "reference bit 0 at the hand: not referenced since it came in or the hand last passed";
        case.holds(case.is(text), "unknown");
        let all = case.all(|_, held| held.referenced);
        case.holds(all || !case.page().1.referenced, "its bit was set");
    }),
    ("gclock", |case| {
        let text = "the first page that the hand found with its counter at 0";
        case.holds(case.is(text), "unknown");
        let count = |page| {
            let word = case.word(page).strip_prefix("counter ").expect("a counter");
            word.parse::<u32>().expect("a number")
        };
        case.least(&case.resident(), count);
    }),
    ("esc", esc),
    ("esc:load-bit=0", esc),
    ("nru:tick=7", |case| {
        let all = case.all(|_, held| held.referenced);
        let known = match all {
            true => "all were referenced since the last tick; first of its class",
            false => "not referenced since the last tick; first of its class from the hand",
        };
        case.holds(case.is(known), "whether all were referenced");
        case.least(&case.resident(), |page| case.word(page).to_owned());
    }),
    ("aging:tick=7", |case| {
        let all = case.all(|_, held| held.referenced);
        let known = match all {
            true => "all were referenced since the last tick; the least counter",
            false => "the least counter of the pages not referenced since the last tick",
        };
        case.holds(case.is(known), "whether all were referenced");
        case.least(&case.resident(), |page| case.word(page).to_owned());
    }),
    ("lfu", |case| {
        case.holds(
            case.why.starts_with("least frequently used, last"),
            "unknown",
        );
        let count = |page| case.references(page).len();
        case.least(&case.resident(), |page| (count(page), case.last(page)));
    }),
    ("lrfu", |case| {
        let uses = case.references(case.gone.entry);
        let since = case.loaded(case.gone.entry);
        let uses = uses.iter().filter(|&&at| at >= since).count() as u64;
        case.holds(
            case.number("the least sum: ") == Some(uses),
            "its references",
        );
    }),
    ("wsclock:tau=4", |case| wsclock(case, 4)),
    ("wsclock:tau=0", |case| wsclock(case, 0)),
    ("lru-k", |case| lru_k(case, 2, 0)),
    ("lru-k:k=3", |case| lru_k(case, 3, 0)),
    ("lru-k:crp=3", |case| lru_k(case, 2, 3)),
    ("lru-k:k=3:crp=2", |case| lru_k(case, 3, 2)),
    ("2q", |case| {
        match case.why.starts_with("the oldest of A1in, loaded") {
            true => case.least(&case.with_word("A1in"), |page| case.loaded(page)),
            false => {
                case.holds(
                    case.why.starts_with("least recently used of Am, last"),
                    "unknown",
                );
                case.least(&case.with_word("Am"), |page| case.last(page));
            }
        }
    }),
    ("2q-simple", |case| {
        match case.why.starts_with("the oldest of A1, loaded") {
            true => {
                case.least(&case.with_word("A1"), |page| case.loaded(page));
                let once = case.last(case.gone.entry) == case.loaded(case.gone.entry);
                case.holds(once, "it was referenced again");
            }
            false => {
                case.holds(
                    case.why.starts_with("least recently used of Am, last"),
                    "unknown",
                );
                case.least(&case.with_word("Am"), |page| case.last(page));
            }
        }
    }),
    ("slru", |case| {
        let trial = case.with_word("probation");
        match case
            .why
            .starts_with("at the end of the probationary segment, last")
        {
            true => case.holds(
                trial.last() == Some(&case.gone.entry),
                "the end of the segment",
            ),
            false => {
                let text = "nothing is on probation: at the end of the protected segment, last";
                case.holds(case.why.starts_with(text), "unknown");
                case.holds(trial.is_empty(), "something is on probation");
            }
        }
    }),
    ("mq:life=5", |case| {
        let queue = case
            .number("at the end of queue ")
            .unwrap_or_else(|| case.fail("unknown"));
        let count = case.number("its count is ");
        case.holds(
            Some(case.word(case.gone.entry))
                == count
                    .map(|count| format!("queue {queue}, count {count}"))
                    .as_deref(),
            "its queue and count",
        );
        let same = case.with_word(&format!("queue {queue},"));
        case.holds(
            same.last() == Some(&case.gone.entry),
            "it is at the end of its queue",
        );
        case.holds(
            (0..queue).all(|q| case.with_word(&format!("queue {q},")).is_empty()),
            "a lower queue",
        );
    }),
    ("arc", |case| {
        let once = case.with_word("T1").len() as u64;
        case.holds(case.number("T1 had ") == Some(once), "pages of T1");
        let list = case
            .why
            .strip_prefix("least recent of ")
            .map(|rest| &rest[..2]);
        let list = list.unwrap_or_else(|| case.fail("unknown"));
        case.holds(case.word(case.gone.entry).starts_with(list), "its list");
        case.least(&case.with_word(list), |page| case.last(page));
    }),
    ("car", |case| {
        case.holds(
            case.why.starts_with("reference bit 0 at the hand of T"),
            "unknown",
        );
        case.cleared();
    }),
    ("lirs", lirs),
    ("lirs:hir=0.5", lirs),
    ("clock-pro", |case| {
        let rest = case
            .why
            .strip_prefix("cold, reference bit 0 under hand cold; ")
            .unwrap_or_else(|| case.fail("unknown"));
        let word = case.word(case.gone.entry);
        match rest {
            // A page found referenced begins a test, and may be met again without its bit.
            "remembered while its test lasts" => {
                let in_test = word.contains("in test") || case.page().1.referenced;
                case.holds(in_test, "it was not in its test period");
            }
            // The other hands may have ended a test, or made a hot page cold, in the same search.
            "in no test period, so it is forgotten" => {}
            _ => case.fail("unknown"),
        }
    }),
    ("s3-fifo", s3_fifo),
    ("s3-fifo:small=0.5", s3_fifo),
    ("w-tinylfu", w_tinylfu),
    ("w-tinylfu:window=0.5", w_tinylfu),
    ("linux", |case| {
        let known = match case.page().1.referenced {
            true => "oldest of the inactive list; its reference bit was cleared on the way",
            false => "oldest of the inactive list, reference bit 0",
        };
        case.holds(case.is(known), "its reference bit");
    }),
    ("mglru", |case| {
        let oldest = case.number("reference bit 0, oldest page of generation ");
        let oldest = oldest.unwrap_or_else(|| case.fail("unknown"));
        let youngest = case.number(", the oldest; ");
        let (_, order) = case.steps[case.at].state.as_ref().expect("asked for");
        let generation = |word: &str| {
            let digits = word.strip_prefix("generation ").expect("a generation");
            let digits = digits.split(',').next().expect("a number");
            digits.parse::<u64>().expect("a number")
        };
        for (page, word) in order {
            let of = generation(word);
            case.holds(of >= oldest, "a page of an older generation is left");
            // The page that came in for it is of the youngest generation.
            if *page == case.steps[case.at].entry {
                case.holds(Some(of) == youngest, "the youngest generation");
            }
        }
    }),
    ("freebsd", |case| {
        let dirty = case.page().1.dirty;
        let known = match dirty {
            false => "reference bit 0, clean, the first such page of the inactive queue",
            true => "reference bit 0, first page of the laundry queue: no clean page was inactive",
        };
        case.holds(case.why.starts_with(known), "its queue");
        case.cleared();
    }),
    ("opt", |case| {
        let known = case.is("never used again") || case.why.ends_with(", the farthest");
        case.holds(known, "unknown");
    }),
    ("opt-wb", |case| {
        let known = match case.page().1.dirty {
            true => case.why.ends_with(": far enough to be worth a write-back"),
            false => case.why.starts_with("clean, "),
        };
        case.holds(known, "its dirty bit");
    }),
];

fn clock(case: &Case<'_>) {
    let all = case.all(|_, held| held.referenced);
    if case.is("every reference bit was set: the hand cleared them all and came round to it") {
        return case.holds(all, "not every bit was set");
    }
    case.holds(
        case.why.starts_with("reference bit 0 at the hand"),
        "unknown",
    );
    case.cleared();
}

fn esc(case: &Case<'_>) {
    let all = case.all(|_, held| held.referenced);
    let dirty = case.all(|_, held| held.dirty);
    let idle_clean = case
        .before()
        .any(|(_, held)| !held.referenced && !held.dirty);
    let (_, page) = case.page();
    let known = match (idle_clean, all) {
        (true, _) => "the first page from the hand on that was neither referenced nor dirty",
        (false, false) => {
            case.cleared();
            "every clean page was referenced: the first from the hand on that was dirty but not referenced"
        }
        (false, true) if !dirty => {
            "every page was referenced, and the hand cleared all bits: then the first clean page from the hand on"
        }
        (false, true) => {
            "every page was referenced and dirty, and the hand cleared all bits: then the first page from the hand on"
        }
    };
    case.holds(case.why.starts_with(known), known);
    case.holds(
        page.dirty == (!idle_clean && (!all || dirty)),
        "its dirty bit",
    );
}

fn wsclock(case: &Case<'_>, tau: u64) {
    case.cleared();
    let now = case.at as u64 + 1;
    let is_old = |entry: u32, held: Held| {
        let used = case.word(entry).rsplit(' ').next().expect("a time");
        let used: u64 = used.parse().expect("a number");
        !held.referenced && now - used > tau
    };
    let (entry, page) = (case.gone.entry, case.page().1);
    let old_clean = case
        .before()
        .any(|(_, held)| is_old(held.entry, held) && !held.dirty);
    let old = case.before().any(|(_, held)| is_old(held.entry, held));
    let all_dirty = case.all(|_, held| held.dirty);
    let known = if old_clean {
        format!("clean and not used for more than {tau}")
    } else if old {
        format!("dirty and not used for more than {tau}: no clean page was unused for so long")
    } else if !all_dirty {
        format!("clean: every page was used within {tau}")
    } else {
        format!("at the hand: every page was used within {tau} and is dirty")
    };
    case.holds(case.why.starts_with(&known), &known);
    case.holds(
        is_old(entry, page) == old,
        "whether it is outside the window",
    );
    case.holds(
        page.dirty == (!old_clean && (old || all_dirty)),
        "its dirty bit",
    );
}

fn lru_k(case: &Case<'_>, k: usize, crp: usize) {
    let now = case.at + 1;
    let is_over = |page| now - case.last(page) > crp;
    let free: Vec<u32> = case
        .resident()
        .into_iter()
        .filter(|&page| is_over(page))
        .collect();
    let among = match (crp, free.is_empty()) {
        (0, _) => String::new(),
        (_, false) => format!("of the pages not referenced for more than {crp}: "),
        (_, true) => format!("every page was referenced within {crp}: "),
    };
    let Some(rest) = case.why.strip_prefix(&*among) else {
        case.fail(&among);
    };
    case.holds(
        free.is_empty() || is_over(case.gone.entry),
        "it is in a burst",
    );
    // The figure of the paper, from the string: HIST(1..k), moved by the lengths of bursts.
    let history = |page| {
        let (mut hist, mut last) = (vec![0; k], 0);
        for at in case.references(page) {
            let loads = case.steps[at - 1].fault.is_some();
            if loads || at - last > crp {
                let burst = if loads { 0 } else { last - hist[0] };
                for i in (1..k).rev() {
                    hist[i] = if hist[i - 1] == 0 {
                        0
                    } else {
                        hist[i - 1] + burst
                    };
                }
                hist[0] = at;
            }
            last = at;
        }
        hist[k - 1]
    };
    let earliest = history(case.gone.entry);
    match rest.starts_with("fewer than ") {
        true => case.holds(earliest == 0, "it has enough references"),
        false => {
            let counts = if crp > 0 { "counted as " } else { "" };
            let ago = case.number(&format!("its reference {k} times back, {counts}"));
            case.holds(
                ago == Some((now - earliest) as u64),
                "its K-th last reference",
            );
        }
    }
    let among = if free.is_empty() {
        case.resident()
    } else {
        free
    };
    case.least(&among, |page| (history(page), case.last(page)));
}

fn lirs(case: &Case<'_>) {
    let queue = case.with_word("HIR");
    match case.is("the lowest of the stack: there is no HIR page") {
        true => case.holds(queue.is_empty(), "there is a HIR page"),
        false => {
            case.holds(
                case.is("the HIR page that is longest in the queue"),
                "unknown",
            );
            case.holds(
                queue.last() == Some(&case.gone.entry),
                "it is not the last of the queue",
            );
        }
    }
}

fn s3_fifo(case: &Case<'_>) {
    let small = case
        .why
        .starts_with("at the end of the small queue with fewer than ");
    let main = case.is("at the end of the main queue, all its references used up");
    case.holds(small || main, "unknown");
    if small {
        let hits = case
            .references(case.gone.entry)
            .iter()
            .filter(|&&at| at > case.loaded(case.gone.entry))
            .count() as u64;
        let fewer = case.number("with fewer than ").expect("a number");
        case.holds(hits < fewer, "its references");
    }
}

fn w_tinylfu(case: &Case<'_>) {
    let known = [
        "the oldest of the window, behind which there is nothing",
        "next to leave, and the window is not full",
    ];
    if known.iter().any(|text| case.is(text)) {
        return;
    }
    let of_window = case.why.starts_with("the oldest of the window; ");
    let own = case.number("its count of ");
    let words = if of_window {
        "is not above "
    } else {
        "is below the "
    };
    let (Some(own), Some(other)) = (own, case.number(words)) else {
        case.fail("unknown");
    };
    case.holds(own <= other && (of_window || own < other), "the comparison");
    let word = case.word(case.gone.entry);
    case.holds(word.contains("window") == of_window, "its segment");
    // All counts may be halved when the reference that wants a page is counted.
    let counted = |count: u64, word: &str| {
        let shown = word
            .rsplit(' ')
            .next()
            .and_then(|digits| digits.parse().ok());
        let shown: u64 = shown.unwrap_or_else(|| case.fail("no count"));
        count == shown || count == shown / 2
    };
    case.holds(counted(own, word), "its count");
    let others = case.others().map(|(_, held)| case.word(held.entry));
    let mut others = others.filter(|word| word.contains("window") != of_window);
    case.holds(others.any(|word| counted(other, word)), "the other's count");
}

/// Checks every page that leaves in one replay. Returns how many there were.
fn check(setting: &Setting, refs: &[Ref], check: Check) -> usize {
    let trace = trace_of(refs);
    let steps = story(&trace, setting, 0).steps;
    let mut left = 0;
    for (at, step) in steps.iter().enumerate() {
        for gone in &step.gone {
            let why = gone.why.as_deref().expect("nothing is freed here");
            let case = Case {
                setting,
                refs,
                steps: &steps,
                at,
                gone,
                why,
            };
            if gone.cause == Cause::Victim {
                case.common();
            }
            check(&case);
            left += 1;
        }
    }
    left
}

#[test]
fn reasons_of_victims_are_true() {
    let mut random = Random::new(21);
    for &(policy, texts) in CHECKS {
        let mut left = 0;
        for _ in 0..60 {
            let refs = some_refs(&mut random);
            let frames = 1 + random.below(5) as usize;
            left += check(&Setting::frames(policy, frames), &refs, texts);
        }
        assert!(left > 200, "{policy}: {left} pages left");
    }
}

#[test]
fn every_policy_that_chooses_victims_is_checked() {
    use pagebench::internals::policy::{MemoryBy, TABLE};
    for spec in TABLE.iter().filter(|spec| spec.space == MemoryBy::Fixed) {
        let has = |&(policy, _): &(&str, Check)| policy.split(':').next() == Some(spec.name);
        assert!(CHECKS.iter().any(has), "{}", spec.name);
    }
}

#[test]
fn reasons_of_pages_that_leave_windows_are_true() {
    let mut random = Random::new(22);
    let last = |case: &Case<'_>| {
        // Texts count references from 0.
        let last = case.number("last at reference ").map(|last| last + 1);
        case.holds(
            last == Some(case.last(case.gone.entry) as u64),
            "its last reference",
        );
        case.at as u64 + 1 - last.expect("it was referenced")
    };
    for tau in 1..9 {
        for _ in 0..40 {
            let refs = some_refs(&mut random);
            let ago = |text: String, least: u64, case: &Case<'_>| {
                case.holds(case.why.starts_with(&text), "unknown");
                case.holds(last(case) >= least, "it was used within the window");
            };
            let of = |policy| Setting::window(policy, tau);
            let each = |setting: &Setting, texts: &dyn Fn(&Case<'_>)| {
                let trace = trace_of(&refs);
                let steps = story(&trace, setting, 0).steps;
                for (at, step) in steps.iter().enumerate() {
                    for gone in &step.gone {
                        let why = gone.why.as_deref().expect("nothing is freed here");
                        texts(&Case {
                            setting,
                            refs: &refs,
                            steps: &steps,
                            at,
                            gone,
                            why,
                        });
                    }
                }
            };
            each(&of("ws"), &|case| {
                ago(format!("outside the window of {tau}, last"), tau, case)
            });
            each(&of("ws:limit=2"), &|case| match case.gone.cause {
                Cause::Expired => ago(format!("outside the window of {tau}, last"), tau, case),
                _ => ago(
                    "the limit is reached: least recently used, last".into(),
                    1,
                    case,
                ),
            });
            each(&of("vmin"), &|case| {
                ago(format!("not used again within {tau}, last"), 0, case);
                let last = case.last(case.gone.entry);
                let page = refs[last - 1].page;
                let ahead = refs[last..].iter().position(|r| r.page == page);
                let is_far = ahead.is_none_or(|ahead| ahead as u64 + 1 > tau);
                case.holds(is_far, "it is used again");
            });
            each(&of("sws:interval=1"), &|case| {
                let looks = case
                    .number("idle for ")
                    .unwrap_or_else(|| case.fail("unknown"));
                case.holds(looks == tau.max(1), "the looks");
                case.holds(last(case) >= looks, "it was used between");
            });
            each(&of("dws"), &|case| match case.why.starts_with("outside") {
                true => ago("outside the window, last".into(), tau, case),
                false => {
                    let unused = case.number("the oldest of its window at a fault, unused for ");
                    ago(
                        "the oldest".into(),
                        unused.unwrap_or_else(|| case.fail("unknown")),
                        case,
                    );
                    case.holds(case.steps[case.at].fault.is_some(), "there is no fault");
                }
            });
            each(&of("pff"), &|case| {
                let apart = case.number("the process had loaded no page for ");
                case.holds(apart == Some(tau), "unknown");
                let mut loads = case.steps[..=case.at]
                    .iter()
                    .filter(|step| step.fault.is_some());
                let (now, before) = (loads.next_back(), loads.next_back());
                let apart = now
                    .zip(before)
                    .map(|(now, before)| now.position - before.position);
                case.holds(
                    apart.is_some_and(|apart| apart >= tau),
                    "a fault within tau",
                );
                // Not referenced since the bits were cleared: at the fault before.
                let before = before.expect("there was one").position as usize + 1;
                case.holds(case.last(case.gone.entry) <= before, "it was used since");
            });
        }
    }
}
