//! What nearly every policy imports.

pub use super::frames::Frames;
pub use super::future::Future;
pub use super::params::Param;
pub use super::protocol::{
    EventCount, Explain, PageAccess, Policy, PolicyType, Setup, VictimRequest,
};
pub use super::reasons::{Evicted, FrameOrder, reference};
pub use super::spec::{CurveKind, Family, HitDelivery, HitSensitivity, MemoryBy, Sees, Spec};
pub use crate::units::{EntryId, FrameId, PageId};
