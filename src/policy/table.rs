//! THE table of policies, and the way from an entry of the table to the type of its policy.

use super::algorithms::{
    aging, arc, car, clock, clock_pro, dws, enhanced_clock, fifo, freebsd, gclock, lfu, linux,
    lirs, lrfu, lru, lru_k, mglru, mq, mru, nru, opt, opt_wb, pff, random, s3_fifo, sieve, slru,
    sws, two_q, two_q_simple, vmin, w_tinylfu, ws, wsclock,
};
use super::protocol::PolicyType;
use super::spec::{PolicyId, Spec};

/// The name of the policy with the fewest loads at each number of frames. Reports compare others
/// with it.
pub const OPTIMUM: &str = <opt::Opt<'static> as PolicyType<'static>>::SPEC.name;

/// Work that needs the type of a policy. It connects the table to a statically dispatched replay
/// loop.
pub trait Visitor<'t> {
    /// The result of the work.
    type Output;
    /// Does the work for the policy `P`.
    fn visit<P: PolicyType<'t> + 't>(self) -> Self::Output;
}

macro_rules! policies {
    ($($policy:ty,)*) => {
        /// Every policy, in the order of listings and of `-p all`.
        pub const TABLE: &[Spec] = &[$(<$policy as PolicyType<'static>>::SPEC,)*];

        /// Calls `visitor` with the type of the policy `id`. Called once per replay; the loop
        /// inside is compiled for that policy.
        ///
        /// # Panics
        /// If the policy is not in the table.
        pub fn dispatch<'t, V: Visitor<'t>>(id: PolicyId, visitor: V) -> V::Output {
            let place = id.place();
            let mut entry = 0;
            $(
                if place == entry {
                    return visitor.visit::<$policy>();
                }
                entry += 1;
            )*
            unreachable!("policy {place} of {entry}");
        }
    };
}

policies! {
    lru::Lru,
    fifo::Fifo,
    clock::Clock,
    gclock::GClock,
    enhanced_clock::EnhancedSecondChance,
    nru::Nru,
    aging::Aging,
    lfu::Lfu,
    mru::Mru,
    random::Random,
    ws::WorkingSet<'_>,
    sws::SampledWorkingSet<'_>,
    dws::DampedWorkingSet<'_>,
    pff::PageFaultFrequency<'_>,
    vmin::Vmin<'_>,
    wsclock::WsClock<'_>,
    lru_k::LruK,
    two_q::TwoQ,
    two_q_simple::TwoQSimple,
    slru::Slru,
    mq::Mq,
    lrfu::Lrfu,
    w_tinylfu::WTinyLfu,
    arc::Arc,
    car::Car,
    lirs::Lirs,
    clock_pro::ClockPro,
    s3_fifo::S3Fifo,
    sieve::Sieve,
    linux::Linux,
    mglru::Mglru,
    freebsd::FreeBsd,
    opt::Opt<'_>,
    opt_wb::OptWb<'_>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let mut names: Vec<&str> = Vec::new();
        for spec in TABLE {
            names.push(spec.name);
            names.extend(spec.aliases);
            assert!(spec.about.len() <= 79, "{}", spec.name);
            // `Spec::BASE` leaves them empty.
            let texts = [
                spec.name,
                spec.about,
                spec.cite,
                spec.complexity,
                spec.bytes,
            ];
            assert!(texts.iter().all(|text| !text.is_empty()), "{}", spec.name);
            for param in spec.params {
                assert!(param.min <= param.max, "{}:{}", spec.name, param.name);
            }
        }
        for (i, name) in names.iter().enumerate() {
            assert_eq!(*name, name.to_lowercase());
            assert!(!names[..i].contains(name), "{name} twice");
        }
    }

    #[test]
    fn every_entry_dispatches_to_its_own_type() {
        struct Name;
        impl<'t> Visitor<'t> for Name {
            type Output = &'static str;
            fn visit<P: PolicyType<'t> + 't>(self) -> &'static str {
                P::SPEC.name
            }
        }
        for id in PolicyId::all() {
            assert_eq!(dispatch(id, Name), id.spec().name);
        }
    }
}
