//! The policies of a process: those of the table, and policies from outside this crate that a
//! [`Registry`] adds to them. The command line sets the registry once; its parsers look names up
//! here.

use super::Policy;
use super::local::boxed;
use super::params::ParamError;
use super::protocol::{PolicyType, Setup};
use super::spec::{CurveKind, HitDelivery, PolicyId, Spec};
use super::table::TABLE;
use crate::units::did_you_mean;
use std::sync::OnceLock;

/// Sets up a policy.
type MakePolicy = for<'s, 't> fn(&'s Setup<'t>) -> Box<dyn Policy + 't>;

/// A policy from outside this crate.
#[derive(Debug, Clone, Copy)]
struct Registered {
    id: PolicyId,
    make: MakePolicy,
}

/// What was registered in this process, in the order of registration.
static REGISTERED: OnceLock<Vec<Registered>> = OnceLock::new();

/// The policies that the command line offers: those of `pagebench policies`, and any number of
/// others.
///
/// A registered policy works in every command. It is called through a table of functions and sees
/// every reference, so its replay is slower than that of a policy of the table. Its counts always
/// come from its own replay: [`Spec::bursts`] and [`Spec::curve`] are ignored.
///
/// `src/examples/own_policy.rs` is a program with one more policy.
#[derive(Debug, Clone)]
pub struct Registry {
    own: Vec<Registered>,
}

impl Registry {
    /// Creates a registry with the policies of `pagebench policies` only.
    pub fn standard() -> Registry {
        Registry { own: Vec::new() }
    }

    /// Adds the policy `P`.
    ///
    /// # Panics
    /// If its name or one of its aliases is taken by another policy, or cannot be written in a list
    /// of policies: names are lowercase letters, digits, `-` and `_`, and begin with a letter.
    #[must_use]
    pub fn with<P>(mut self) -> Registry
    where
        P: for<'t> PolicyType<'t> + 'static,
    {
        let spec = Spec {
            bursts: HitDelivery::Never,
            curve: None::<CurveKind>,
            ..<P as PolicyType<'static>>::SPEC
        };
        for name in names(&spec) {
            assert!(
                is_name(name),
                "a policy cannot be called {name:?}: lowercase letters, digits, - and _ make a \
                 name, which begins with a letter and is not \"all\""
            );
            let others = TABLE.iter().chain(self.own.iter().map(|own| own.id.spec()));
            for other in others {
                assert!(
                    names(other).all(|taken| taken != name),
                    "a policy cannot be called {name:?}: the policy {:?} has that name; \
                     choose another one in its SPEC",
                    other.name
                );
            }
        }
        let id = PolicyId::new(TABLE.len() + self.own.len(), Box::leak(Box::new(spec)));
        let make = make::<P>;
        self.own.push(Registered { id, make });
        self
    }

    /// Makes this the registry of the process.
    ///
    /// # Panics
    /// If the process has one.
    pub(crate) fn install(self) {
        let set = REGISTERED.set(self.own);
        assert!(set.is_ok(), "the policies of a process are registered once");
    }
}

impl Default for Registry {
    fn default() -> Registry {
        Registry::standard()
    }
}

fn make<'t, P>(setup: &Setup<'t>) -> Box<dyn Policy + 't>
where
    P: for<'a> PolicyType<'a> + 'static,
{
    boxed::<P>(setup)
}

/// Returns the name and the aliases of a policy.
fn names(spec: &Spec) -> impl Iterator<Item = &'static str> + use<> {
    [spec.name].into_iter().chain(spec.aliases.iter().copied())
}

/// Returns whether a policy can have the name `name`.
fn is_name(name: &str) -> bool {
    let is_part = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    let begins = name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    begins && name.bytes().all(is_part) && name != "all"
}

/// Returns the registered policies.
fn registered() -> &'static [Registered] {
    REGISTERED.get().map_or(&[], Vec::as_slice)
}

/// Sets up the policy that the setup names, if it was registered.
pub(super) fn make_registered<'t>(setup: &Setup<'t>) -> Option<Box<dyn Policy + 't>> {
    let found = registered().iter().find(|own| own.id == setup.policy)?;
    Some((found.make)(setup))
}

impl PolicyId {
    /// Returns every policy: those of the table in its order, then those that were registered.
    pub fn all() -> impl Iterator<Item = PolicyId> {
        let table = TABLE.iter().enumerate();
        let table = table.map(|(place, spec)| PolicyId::new(place, spec));
        table.chain(registered().iter().map(|own| own.id))
    }

    /// Returns the policy whose name or alias is `name`, in any case.
    ///
    /// # Errors
    /// Errors if there is none; the message names the nearest one.
    pub fn named(name: &str) -> Result<PolicyId, ParamError> {
        let wanted = name.to_lowercase();
        let is = |id: &PolicyId| names(id.spec()).any(|name| name == wanted);
        PolicyId::all().find(is).ok_or_else(|| {
            let names = PolicyId::all().flat_map(|id| names(id.spec()));
            ParamError(format!(
                "unknown policy {name:?}{} (see: pagebench policies)",
                did_you_mean(&wanted, names)
            ))
        })
    }

    /// Returns whether the policy is in the table, so that a replay loop was compiled for it.
    pub fn is_in_table(self) -> bool {
        self.place() < TABLE.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::prelude::*;
    use super::*;

    /// A policy called `name` that is never set up.
    macro_rules! called {
        ($own:ident, $name:literal, $aliases:expr) => {
            struct $own;
            impl Explain for $own {}
            impl Policy for $own {
                fn victim(&mut self, _: &mut Frames, _: VictimRequest) -> FrameId {
                    unreachable!()
                }
                fn loaded(&mut self, _: &mut Frames, _: PageAccess) {}
                fn freed(&mut self, _: &mut Frames, _: FrameId) {}
            }
            impl PolicyType<'_> for $own {
                const SPEC: Spec = Spec {
                    name: $name,
                    aliases: $aliases,
                    bursts: HitDelivery::SetBits,
                    curve: Some(CurveKind::Lru),
                    ..Spec::BASE
                };
                fn new(_: &Setup<'_>) -> $own {
                    $own
                }
            }
        };
    }

    called!(Own, "own", &["mine"]);

    #[test]
    fn a_new_name_gets_the_next_place() {
        let registry = Registry::standard().with::<Own>();
        let [own] = registry.own[..] else {
            panic!("one policy")
        };
        assert_eq!(own.id.place(), TABLE.len());
        assert!(!own.id.is_in_table());
        let spec = own.id.spec();
        assert_eq!((spec.name, spec.bursts), ("own", HitDelivery::Never));
        assert_eq!(spec.curve, None);
    }

    #[test]
    #[should_panic(expected = "cannot be called \"own\": the policy \"own\" has that name")]
    fn a_policy_is_refused_twice() {
        let _ = Registry::standard().with::<Own>().with::<Own>();
    }

    #[test]
    #[should_panic(expected = "cannot be called \"lru\": the policy \"lru\" has that name")]
    fn a_name_of_the_table_is_refused() {
        called!(Lru, "lru", &[]);
        let _ = Registry::standard().with::<Lru>();
    }

    #[test]
    #[should_panic(expected = "cannot be called \"belady\": the policy \"opt\" has that name")]
    fn an_alias_of_the_table_is_refused() {
        called!(Late, "late", &["belady"]);
        let _ = Registry::standard().with::<Late>();
    }

    #[test]
    fn names_can_be_written_in_lists() {
        for name in ["mine", "2nd", "Mine", "a:b", "a,b", "a=b", "@a", "", "all"] {
            assert_eq!(is_name(name), name == "mine", "{name}");
        }
    }
}
