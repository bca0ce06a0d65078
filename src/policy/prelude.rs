//! What nearly every policy imports: `use pagebench::policy::prelude::*;`.

#[doc(no_inline)]
pub use super::frames::Frames;
#[doc(no_inline)]
pub use super::future::Future;
#[doc(no_inline)]
pub use super::params::Param;
#[doc(no_inline)]
pub use super::protocol::{
    EventCount, Explain, PageAccess, Policy, PolicyType, Setup, VictimRequest,
};
#[doc(no_inline)]
pub use super::reasons::{Evicted, FrameOrder, reference};
#[doc(no_inline)]
pub use super::spec::{CurveKind, Family, HitDelivery, HitSensitivity, MemoryBy, Sees, Spec};
#[doc(no_inline)]
pub use crate::units::{EntryId, FrameId, PageId};
