//! What nearly every policy imports.

pub use super::frames::Frames;
pub use super::future::Future;
pub use super::params::Param;
pub use super::protocol::{EventCount, Explain, Policy, PolicyType, Setup, Touch, VictimRequest};
pub use super::reasons::{Evicted, FrameOrder, reference};
pub use super::spec::{Bursts, CurveKind, Family, Repeats, Sees, Space, Spec};
pub use crate::units::{EntryId, FrameId, PageId};
