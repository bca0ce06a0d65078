//! The facts that the table states about a policy: [`Spec`] and the types of its fields. Knows no
//! policy.

use super::params::Param;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// What family a policy belongs to; the order of listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// In every operating-systems textbook, with a fixed number of frames.
    Textbook,
    /// The number of resident pages varies with the program's locality.
    VariableSpace,
    /// From papers on caches and buffer pools. Most see every hit, which no kernel does.
    Research,
    /// What operating systems do.
    Kernel,
    /// Uses the future.
    Offline,
}

impl Family {
    /// Returns the name in listings.
    pub const fn name(self) -> &'static str {
        match self {
            Family::Textbook => "textbook",
            Family::VariableSpace => "variable space",
            Family::Research => "research",
            Family::Kernel => "kernel",
            Family::Offline => "offline",
        }
    }

    /// Every family with the name of its group: `@name` stands for all of its policies.
    pub const GROUPS: [(&'static str, Family); 5] = [
        ("textbook", Family::Textbook),
        ("variable", Family::VariableSpace),
        ("research", Family::Research),
        ("kernel", Family::Kernel),
        ("offline", Family::Offline),
    ];
}

/// How the amount of memory is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryBy {
    /// By a number of frames; a page leaves only as a victim.
    Fixed,
    /// By a window tau; a page leaves when its window closes.
    Variable,
}

/// How many of a run of references to one page the policy must see. Nothing else happens during the
/// run. Tests hold each policy to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HitSensitivity {
    /// The first; further ones change nothing.
    Once,
    /// The first and one more.
    Twice,
    /// The time of the last.
    LastTime,
    /// Every one, or as many as the parameters say.
    All,
}

/// Which hits the machine reports when it replays burst by burst. A burst is a stretch of
/// references to few pages. Faults are always served one by one, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HitDelivery {
    /// Every hit: the policy is replayed reference by reference.
    Never,
    /// Hits only set bits in [`Frames`](super::Frames). To a policy that sees `Bits` or `Hits`, the
    /// machine reports at least each hit that finds the reference bit clear or the frame not
    /// [settled](super::Policy::is_settled); any other hit may be skipped.
    SetBits,
    /// As `SetBits`, but only for traces of one process, where the trace position is that process's
    /// clock. Other traces are replayed reference by reference.
    SetBitsAlone,
    /// If the burst can change nothing but the order, the machine reports each page's last hit, in
    /// order of these hits. Otherwise it first reports each page's first reference, as a hit or a
    /// load. Exact where no victim has been referenced in the burst. That holds for the least
    /// recent page if there are at least as many frames as the burst has pages.
    Order,
    /// A burst without faults: the machine reports each page's last hit, in order. A burst with
    /// faults: every hit. Exact where hits do no more than put pages in order; victims may be any.
    OrderOfHits,
    /// As [`Order`](HitDelivery::Order), for a [working set](super::PolicyType::windows) whose windows
    /// are at least as long as the burst.
    Windows,
}

impl HitDelivery {
    /// Returns whether hits reach the policy through the bits of [`Frames`](super::Frames).
    pub const fn by_bits(self) -> bool {
        matches!(self, HitDelivery::SetBits | HitDelivery::SetBitsAlone)
    }
}

/// What a policy sees of the references to resident pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sees {
    /// Nothing: loads are enough.
    Loads,
    /// The reference and dirty bits, when it looks at them: what hardware gives a kernel.
    Bits,
    /// Every hit, at once. An upper bound on what a kernel could achieve, which sees faults only.
    Hits,
    /// All references, future ones too.
    Future,
}

impl Sees {
    /// Returns a description for listings.
    pub const fn about(self) -> &'static str {
        match self {
            Sees::Loads => "loads only: the accessed bit is not needed",
            Sees::Bits => {
                "the accessed bit, as a kernel does; honours --accessed-bit; clear for a page that comes in ahead of use"
            }
            Sees::Hits => {
                "every hit, at once, which no kernel sees; --accessed-bit makes no difference; a page that comes in ahead of use counts as referenced, unless the choices say otherwise"
            }
            Sees::Future => "the future, which no real system does",
        }
    }
}

/// The curve that gives the counts of a policy at many amounts of memory in one pass over a trace,
/// in the order of listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CurveKind {
    /// Faults and write-backs at every number of frames (Mattson, Gecsei, Slutz, Traiger, IBM
    /// Systems Journal 9(2), 1970; Bennett, Kruskal, IBM Journal of Research and Development 19(4),
    /// 1975).
    Lru,
    /// Faults at every number of frames (Mattson et al. 1970). Write-backs depend on which of the
    /// pages that are never used again leaves first.
    Opt,
    /// Faults, write-backs and mean resident size of the working set at every window (Slutz,
    /// Traiger, Communications of the ACM 17(10), 1974).
    Ws,
    /// The least mean resident size with the faults of the working set, at every window (Prieve,
    /// Fabry, Communications of the ACM 19(5), 1976).
    Vmin,
    /// Faults and write-backs at several numbers of frames a pass.
    Fifo,
    /// As `Fifo`.
    Clock {
        /// Whether the reference bit is set on load.
        load_bit: bool,
    },
}

/// A policy: its place in the order of listings, and what it states about itself. Two are equal if
/// their places are.
#[derive(Debug, Clone, Copy)]
pub struct PolicyId {
    place: usize,
    spec: &'static Spec,
}

impl PolicyId {
    /// The place of a policy that no list has.
    const UNLISTED: usize = usize::MAX;

    /// Creates the id of the policy at `place`.
    pub(super) const fn new(place: usize, spec: &'static Spec) -> PolicyId {
        PolicyId { place, spec }
    }

    /// Creates the id of a policy that no list has, for a replay whose type is known.
    pub(crate) const fn unlisted(spec: &'static Spec) -> PolicyId {
        PolicyId::new(PolicyId::UNLISTED, spec)
    }

    /// Returns the place in the table; registered policies follow it.
    pub(super) const fn place(self) -> usize {
        self.place
    }

    /// Returns what the policy states about itself.
    pub const fn spec(self) -> &'static Spec {
        self.spec
    }
}

impl PartialEq for PolicyId {
    fn eq(&self, other: &PolicyId) -> bool {
        self.place == other.place
    }
}

impl Eq for PolicyId {}

impl PartialOrd for PolicyId {
    fn partial_cmp(&self, other: &PolicyId) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PolicyId {
    fn cmp(&self, other: &PolicyId) -> Ordering {
        self.place.cmp(&other.place)
    }
}

impl Hash for PolicyId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.place.hash(state);
    }
}

/// What the table states about a policy.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The name on the command line and in results, in lower case.
    pub name: &'static str,
    /// Other names for the command line.
    pub aliases: &'static [&'static str],
    /// The family.
    pub family: Family,
    /// What it does, in one line.
    pub about: &'static str,
    /// The paper or book that defines it.
    pub cite: &'static str,
    /// What the source leaves open, and how it is decided here; empty if nothing is open.
    pub choices: &'static str,
    /// How the amount of memory is given.
    pub space: MemoryBy,
    /// What it sees of references to resident pages.
    pub sees: Sees,
    /// Whether it draws random numbers, so that its results depend on a seed.
    pub randomized: bool,
    /// Whether [`Policy::tick`](super::Policy::tick) is ever called.
    pub ticks: bool,
    /// Time per hit and per fault; c is the number of frames.
    pub complexity: &'static str,
    /// Bytes that it keeps for each frame and each page, in words.
    pub bytes: &'static str,
    /// How many repeated hits it must see.
    pub repeats: HitSensitivity,
    /// Whether it can be replayed by bursts, and which hits it must see then.
    pub bursts: HitDelivery,
    /// The curve that gives its counts with all parameters at their defaults, if there is one.
    pub curve: Option<CurveKind>,
    /// Its parameters.
    pub params: &'static [Param],
}

impl Spec {
    /// The fields that most policies share, for `..Spec::BASE`: fixed frames, every hit reported,
    /// no ticks, no random numbers, no parameters. All texts are empty.
    pub const BASE: Spec = Spec {
        name: "",
        aliases: &[],
        family: Family::Textbook,
        about: "",
        cite: "",
        choices: "",
        space: MemoryBy::Fixed,
        sees: Sees::Hits,
        randomized: false,
        ticks: false,
        complexity: "",
        bytes: "",
        repeats: HitSensitivity::All,
        bursts: HitDelivery::Never,
        curve: None,
        params: &[],
    };

    /// Returns whether it uses the future, so that the whole trace must be in memory.
    pub const fn needs_future(&self) -> bool {
        matches!(self.sees, Sees::Future)
    }

    /// Returns its parameter `name`, if it has one.
    pub fn param(&self, name: &str) -> Option<&'static Param> {
        self.params.iter().find(|param| param.name == name)
    }
}
