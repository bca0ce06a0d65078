//! Where the program is known to count something else than Linux or the guide. Each is to go when the
//! program is repaired: set it to false in [`Exceptions::OF_THE_PROGRAM`].

/// Where the naive machine does as the program does, though that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceptions {
    /// Shared memory without a file and files that are memory: a page is freed when the last process
    /// that touched it unmaps it. On Linux it stays as long as any process maps it.
    pub shared_memory_goes_with_its_last_entry: bool,
    /// A process that an illegal reference ends takes its `vfork` children with it. On Linux they live.
    pub killed_parent_takes_vfork_children: bool,
    /// A `brk` below the beginning of the heap empties it if both are in the same page. On Linux it is
    /// without effect.
    pub brk_below_its_page_empties_the_heap: bool,
    /// Where swap is full, `untouched_end` leaves out the page that advice or `populate` could not bring
    /// in.
    pub a_page_that_could_not_come_in_is_bound: bool,
    /// A stack of which a part had other rights for a while stays in pieces, each of which may grow to 8
    /// MiB. On Linux pieces that allow the same become one mapping again.
    pub mappings_do_not_merge: bool,
    /// A page that was mapped writable for its last owner by a read from swap, and leaves memory before a
    /// write, is as before if it comes back by advice: its first write is a reuse. On Linux it is
    /// the owner's alone for good.
    pub writable_until_it_leaves: bool,
}

impl Exceptions {
    /// What the program does today.
    pub const OF_THE_PROGRAM: Exceptions = Exceptions {
        shared_memory_goes_with_its_last_entry: true,
        killed_parent_takes_vfork_children: true,
        brk_below_its_page_empties_the_heap: true,
        a_page_that_could_not_come_in_is_bound: true,
        mappings_do_not_merge: true,
        writable_until_it_leaves: true,
    };

    /// What is right.
    pub const NONE: Exceptions = Exceptions {
        shared_memory_goes_with_its_last_entry: false,
        killed_parent_takes_vfork_children: false,
        brk_below_its_page_empties_the_heap: false,
        a_page_that_could_not_come_in_is_bound: false,
        mappings_do_not_merge: false,
        writable_until_it_leaves: false,
    };
}
