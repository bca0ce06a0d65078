//! Which settings of the policies the tests run through, and the oracle that belongs to each.

use super::Setting;
use crate::oracle::{self, Ref, Run};

/// Policies with their parameters that stand for the whole table: each policy, and each of its
/// parameters away from the default.
pub const POLICIES: &[&str] = &[
    "lru",
    "fifo",
    "clock",
    "clock:load-bit=0",
    "clock:order=frame",
    "gclock",
    "gclock:bits=1",
    "gclock:bits=3:load=0",
    "gclock:load=3",
    "esc",
    "esc:load-bit=0",
    "nru",
    "nru:tick=1",
    "nru:tick=7",
    "aging",
    "aging:tick=5",
    "aging:bits=2:tick=3",
    "aging:bits=16:tick=2",
    "lfu",
    "lfu:keep=0",
    "lfu:age=10",
    "lfu:age=7:keep=0",
    "mru",
    "random",
    "ws",
    "ws:limit=1",
    "ws:limit=3",
    "sws",
    "sws:interval=1",
    "sws:interval=3",
    "dws",
    "dws:alpha=0.3",
    "dws:alpha=1",
    "pff",
    "pff:reset=0",
    "vmin",
    "wsclock",
    "wsclock:tau=0",
    "wsclock:tau=3",
    "wsclock:tau=20",
    "lru-k",
    "lru-k:k=1",
    "lru-k:k=3",
    "lru-k:crp=3",
    "lru-k:k=3:crp=9",
    "lru-k:retain=20",
    "2q",
    "2q:kin=0.5",
    "2q:kout=1.5",
    "2q-simple",
    "2q-simple:kin=0.6",
    "slru",
    "slru:segments=4",
    "slru:protected=0.5",
    "mq",
    "mq:queues=3:life=9",
    "mq:life=30:out=1",
    "mq:out=0",
    "lrfu",
    "lrfu:lambda=0",
    "lrfu:lambda=0.1",
    "lrfu:lambda=1",
    "w-tinylfu",
    "w-tinylfu:window=0.4",
    "w-tinylfu:protected=0.5:sample=2",
    "arc",
    "car",
    "lirs",
    "lirs:hir=0.34",
    "lirs:hir=1",
    "clock-pro",
    "clock-pro:cold=0",
    "clock-pro:cold=0.5",
    "s3-fifo",
    "s3-fifo:small=0.5",
    "s3-fifo:small=0.4:fill-main=1",
    "s3-fifo:small=0.5:ghost=0:threshold=1",
    "s3-fifo:ghost=2:threshold=3",
    "sieve",
    "linux",
    "linux:batch=1",
    "linux:ratio=3:batch=2",
    "mglru",
    "mglru:lookaround=1",
    "mglru:lookaround=4",
    "freebsd",
    "freebsd:inactive=0.5",
    "opt",
    "opt-wb",
    "opt-wb:write-cost=0",
    "opt-wb:write-cost=4",
];

/// One for each way in which the machine tells a policy of hits, ticks and times, and those that
/// everybody uses: what is replayed where it hardly matters which policy it is.
pub const REPRESENTATIVES: &[&str] = &[
    "lru",
    "fifo",
    "clock",
    "clock:load-bit=0",
    "opt",
    "ws",
    "ws:limit=3",
    "nru:tick=7",
    "lfu",
    "sws:interval=3",
    "pff",
    "arc",
    "s3-fifo:small=0.5",
    "linux:batch=1",
];

/// The fixed-space ones of [`POLICIES`].
pub fn fixed_space() -> impl Iterator<Item = &'static str> {
    let all = POLICIES.iter().copied();
    all.filter(|policy| !Setting::frames(policy, 1).is_variable())
}

/// The seed of the replays.
pub const SEED: u64 = 1;

/// What a policy counts of its own doings.
type Events = Vec<(&'static str, u64)>;

/// The oracle of a policy, with what it counts itself; `None` if there is none.
pub fn oracle_with_events(refs: &[Ref], setting: &Setting) -> Option<(Run, Events)> {
    let (spec, params) = (setting.policy.spec(), &setting.policy.params);
    let frames = setting.frames;
    let get = |name| params.get(spec, name);
    Some(match spec.name {
        "linux" => oracle::linux::linux(refs, frames, get("ratio"), params.of(spec, "batch")),
        "mglru" => oracle::mglru::mglru(refs, frames, params.of(spec, "lookaround")),
        "freebsd" => oracle::freebsd::freebsd(refs, frames, params.of(spec, "inactive")),
        _ => (oracle_of(refs, setting)?, Vec::new()),
    })
}

/// The oracle of a policy; `None` if there is none.
pub fn oracle_of(refs: &[Ref], setting: &Setting) -> Option<Run> {
    let (spec, params) = (setting.policy.spec(), &setting.policy.params);
    let (frames, tau) = (setting.frames, setting.tau);
    let get = |name| params.get(spec, name);
    let of = |name| params.of(spec, name);
    let few = |name| of(name) as usize;
    let flag = |name| of(name) == 1;
    Some(match spec.name {
        "aging" => oracle::aging::aging(refs, frames, of("bits") as u32, of("tick")),
        "arc" => oracle::arc::arc(refs, frames),
        "car" => oracle::car::car(refs, frames),
        "clock" => oracle::clock::clock(refs, frames, flag("load-bit")),
        "clock-pro" => oracle::clock_pro::clock_pro(refs, frames, get("cold")),
        "dws" => oracle::dws::dws(refs, tau, of("alpha")),
        "esc" => oracle::esc::esc(refs, frames, flag("load-bit")),
        "fifo" => oracle::fifo::fifo(refs, frames),
        "gclock" => oracle::gclock::gclock(refs, frames, of("bits") as u32, of("load") as u32),
        "lfu" => oracle::lfu::lfu(refs, frames, flag("keep"), get("age")),
        "lirs" => oracle::lirs::lirs(refs, frames, of("hir")),
        "lrfu" => oracle::lrfu::lrfu(refs, frames, of("lambda")),
        "lru" => oracle::lru::lru(refs, frames),
        "lru-k" => oracle::lru_k::lru_k(refs, frames, few("k"), of("crp"), get("retain")),
        "mq" => oracle::mq::mq(refs, frames, few("queues"), of("life"), few("out")),
        "mru" => oracle::mru::mru(refs, frames),
        "nru" => oracle::nru::nru(refs, frames, of("tick")),
        "opt" => oracle::opt::opt(refs, frames),
        "opt-wb" => oracle::opt_wb::opt_wb(refs, frames, of("write-cost")),
        "pff" => oracle::pff::pff(refs, tau, flag("reset")),
        "random" => oracle::random::random(refs, frames, SEED),
        "s3-fifo" => {
            let sizes = (of("small"), of("ghost"));
            oracle::s3_fifo::s3_fifo(refs, frames, sizes, of("threshold"), flag("fill-main"))
        }
        "sieve" => oracle::sieve::sieve(refs, frames),
        "slru" => oracle::slru::slru(refs, frames, few("segments"), of("protected")),
        "sws" => oracle::sws::sws(refs, tau, of("interval")),
        "2q" => oracle::two_q::two_q(refs, frames, of("kin"), of("kout")),
        "2q-simple" => oracle::two_q_simple::two_q_simple(refs, frames, of("kin")),
        "vmin" => oracle::vmin_run::vmin_run(refs, tau),
        "w-tinylfu" => {
            let (window, protected) = (of("window"), of("protected"));
            oracle::w_tinylfu::w_tinylfu(refs, frames, window, protected, of("sample"))
        }
        "ws" => oracle::ws::ws(refs, tau, setting.limit()),
        "wsclock" => oracle::wsclock::wsclock(refs, frames, of("tau")),
        "linux" | "mglru" | "freebsd" => oracle_with_events(refs, setting)?.0,
        _ => return None,
    })
}
