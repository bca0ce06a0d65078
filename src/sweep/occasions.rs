//! Which choices a trace gives occasion for: identities leave out the others. Knows nothing of cells.

use crate::space::{self, Op, PageCache, Resolved};

/// Which choices a trace gives occasion for, whatever policy and memory a cell has. The others change
/// no count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Occasions {
    /// The last owner of a page that was shared copy-on-write writes it.
    pub reuses: bool,
    /// A page that may be in memory is copied at a write.
    pub copies: bool,
    /// A fork finds page-table entries that a fault can fill again.
    pub forks_file_ptes: bool,
    /// Pages lose their last owner.
    pub frees: bool,
    /// What becomes of a page of a file that no process maps, if there is any.
    pub page_cache: Option<PageCache>,
    /// The trace reads or writes files.
    pub file_io: bool,
    /// References are to pages beyond the end of their file.
    pub beyond_eof: bool,
}

impl Occasions {
    /// Returns those of a trace.
    pub fn of(resolved: &Resolved) -> Occasions {
        let Some(space) = &resolved.space else {
            return Occasions::default();
        };
        let mut all = Occasions {
            forks_file_ptes: space.forks_file_ptes,
            page_cache: space.leaves_file_pages.then_some(space.page_cache),
            file_io: space.has_file_io,
            beyond_eof: space.reaches_beyond_eof,
            ..Occasions::default()
        };
        for at in &space.ops {
            match at.op {
                Op::Reuse { .. } => all.reuses = true,
                Op::CowCopy { source, frees, .. } if source != space::NONE => {
                    all.copies = true;
                    all.frees |= frees;
                }
                Op::Free { .. } => all.frees = true,
                _ => {}
            }
        }
        all
    }
}
