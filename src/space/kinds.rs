//! Sets of kinds of access.

use crate::trace::model::access::Kind;
use crate::trace::model::event::Protection;
use crate::trace::model::refs::{KIND_MASK, KindCode};

/// A set of kinds of access: a bit for each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Kinds(u8);

impl Kinds {
    /// No kind.
    pub const NONE: Kinds = Kinds(0);
    /// Every kind.
    pub const ALL: Kinds = Kinds(0b111);

    /// Returns the set of one kind.
    pub const fn of(kind: Kind) -> Kinds {
        Kinds(1 << kind as u8)
    }

    /// Returns the set of the kind that the trace writes as `code`.
    #[inline(always)]
    pub const fn of_code(code: KindCode) -> Kinds {
        Kinds(1 << (code & KIND_MASK))
    }

    /// Returns whether it has `kind`.
    #[inline(always)]
    pub const fn has(self, kind: Kind) -> bool {
        self.has_all(Kinds::of(kind))
    }

    /// Returns whether it has every kind of `other`.
    #[inline(always)]
    pub const fn has_all(self, other: Kinds) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the set with the kinds of `other`, too.
    pub const fn and(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    /// Returns the set without `kind`.
    pub const fn without(self, kind: Kind) -> Kinds {
        Kinds(self.0 & !Kinds::of(kind).0)
    }

    /// Returns the protection that allows these kinds.
    pub fn protection(self) -> Protection {
        Protection {
            read: self.has(Kind::Read),
            write: self.has(Kind::Write),
            execute: self.has(Kind::Ifetch),
        }
    }
}

impl From<Protection> for Kinds {
    /// Returns the kinds that a protection allows.
    fn from(protection: Protection) -> Kinds {
        let of = |set: bool, kind: Kind| if set { Kinds::of(kind) } else { Kinds::NONE };
        of(protection.execute, Kind::Ifetch)
            .and(of(protection.read, Kind::Read))
            .and(of(protection.write, Kind::Write))
    }
}
