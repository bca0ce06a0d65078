//! Traces of a few lines whose counts were derived by hand, on both machines, and traces that both
//! refuse.

use super::{agree, product, settings_by_default};
use crate::oracle::kernel::{Counts, Settings, replay};

/// Asserts these counts of the program, `column number` each, and that the naive machine has all the same.
fn counts(text: &str, settings: &Settings, wanted: &str) {
    let row = product::replay(text, settings)
        .expect("a good trace")
        .expect("references");
    for pair in wanted.split(", ") {
        let (column, number) = pair.split_once(' ').expect("a column and a number");
        assert_eq!(row[column], number, "{column} of\n{text}{settings:?}");
    }
    match agree(text, settings) {
        Ok(compared) => assert!(compared, "no counts of\n{text}"),
        Err(why) => panic!("{why}\n{text}{settings:?}"),
    }
}

fn lru(frames: usize) -> Settings {
    Settings {
        frames,
        ..settings_by_default()
    }
}

/// A page of a file is written, unmapped, mapped again. Kept: one read of the file, then a map, and
/// the page is dirty at the end. Dropped: it is written at the unmap and read again.
#[test]
fn a_page_of_a_file_is_mapped_again() {
    let text = "map 10000 4096 rw- shared file=1,0,4096\nW 10000\nunmap 10000 4096\n\
                map 10000 4096 rw- shared file=1,0,4096\nR 10000\n";
    counts(
        text,
        &lru(4),
        "file_reads 1, fills 1, maps 1, freed 0, dirty_end 1",
    );
    let drop = Settings {
        keep_page_cache: false,
        ..lru(4)
    };
    counts(
        text,
        &drop,
        "file_reads 2, fills 2, maps 0, freed 1, freed_dirty 1, dirty_end 0",
    );
}

/// Two processes run the same file one after the other: kept, it is read once.
#[test]
fn a_program_is_started_twice() {
    let text = "switch 1\nmap 10000 4096 r-x file=1,0,4096 name=/bin/ls\nI 10000\nexit\n\
                switch 2\nmap 10000 4096 r-x file=1,0,4096 name=/bin/ls\nI 10000\nexit\n";
    counts(
        text,
        &lru(4),
        "file_reads 1, fills 1, maps 1, resident_end 1",
    );
}

/// Two frames hold a and b; a is the older. Its copy for the child: a stays, b goes to swap, so that
/// the parent's write finds a, which is its own now. Not pinned a goes, and comes back from swap.
#[test]
fn the_source_of_a_copy() {
    let text = "map 10000 4096 rw- name=a\nmap 20000 4096 rw- name=b\nW 10000\nfork 1\nW 20000\n\
                switch 1\nW 10000\nswitch 0\nW 10000\n";
    counts(
        text,
        &lru(2),
        "fills 2, cow_copies 1, cow_reuses 1, evictions_dirty 1, swap_reads 0",
    );
    let not_pinned = Settings {
        pin_cow_source: false,
        ..lru(2)
    };
    counts(
        text,
        &not_pinned,
        "fills 2, cow_copies 1, refills 1, cow_reuses 0, evictions_dirty 2, swap_reads 1",
    );
}

/// A file of no bytes at the map grows to two pages before it is touched: its page is read.
#[test]
fn a_file_grows_after_its_map() {
    let text = "map 10000 8192 rw- shared file=5,0,0 name=t.dat\nmap 20000 4096 rw- name=x\n\
                length 5 8192\nW 10000\nW 20000\nR 10000\n";
    counts(
        text,
        &lru(4),
        "fills 2, hits 1, major_faults 1, file_reads 1, dirty_end 2",
    );
    // Without the event it holds zeros.
    let text = text.replace("length 5 8192\n", "");
    counts(
        &text,
        &lru(4),
        "fills 2, hits 1, major_faults 0, file_reads 0",
    );
}

/// A child that execs at once. By fork its write is a copy, and the parent's a reuse; by vfork it writes to
/// its parent's page, and all but the first reference are hits.
#[test]
fn a_child_that_execs_at_once() {
    let text = "map 10000 4096 rw- name=a\nW 10000\nfork 1\nswitch 1\nW 10000\nexec\nswitch 0\nR 10000\nW 10000\n";
    counts(
        text,
        &lru(4),
        "fills 1, cow_copies 1, cow_reuses 1, hits 1, freed 1, processes 2",
    );
    let text = text.replace("fork", "vfork");
    counts(
        &text,
        &lru(4),
        "fills 1, cow_copies 0, cow_reuses 0, hits 3, freed 0, processes 1",
    );
}

/// With the 32-bit layout 3 GiB and up is the kernel's; without, nothing is mapped there.
#[test]
fn the_kernels_half() {
    let text = "map 8048000 4096 r-x name=text\nI 8048000\nR c0001000\n";
    counts(text, &lru(4), "refs 1, segfaults 1, protection_faults 0");
    let i386 = Settings {
        i386: true,
        ..lru(4)
    };
    counts(text, &i386, "refs 1, segfaults 0, protection_faults 1");
    let text = "map 7fff00000000 4096 rw- name=x\nW 7fff00000000\n";
    counts(text, &lru(4), "refs 1, fills 1");
    assert!(product::replay(text, &i386).is_err() && replay(text, &i386).is_err());
}

/// A stack reaches 8 MiB below its end, and not a page further.
#[test]
fn how_far_a_stack_grows() {
    // It ends at 0x1001000: the lowest page is at 0x801000.
    let map = "map 1000000 4096 rw- grows-down\nW 1000000\n";
    counts(
        &format!("{map}W 801000\n"),
        &lru(4),
        "fills 2, segfaults 0, untouched_end 2046",
    );
    counts(&format!("{map}W 800000\n"), &lru(4), "fills 1, segfaults 1");
}

/// What the program counted wrong when the naive machine was written; the counts were derived by hand.
#[test]
fn differences_that_were() {
    let naive = |text: &str, settings: Settings| replay(text, &settings).expect("a good trace");
    let agrees = |text: &str, settings: Settings| {
        assert_eq!(agree(text, &settings), Ok(true), "{text}");
    };
    // The child maps what its parent wrote and unmapped: one page, filled once, mapped once.
    let text = "map 10000 4096 rw- shared\nfork 1\nW 10000\nexit\nswitch 1\nR 10000\n";
    let Counts {
        fills,
        maps,
        distinct_pages,
        freed,
        dirty_end,
        ..
    } = naive(text, lru(4));
    assert_eq!(
        (fills, maps, distinct_pages, freed, dirty_end),
        (1, 1, 1, 0, 1)
    );
    agrees(text, lru(4));
    // The same in a file that is memory. It has left for swap when the other process reads it.
    let map = "map 10000 4096 rw- shared swap-backed file=1,0,4096\n";
    let text = format!(
        "{map}map 20000 4096 rw-\nW 10000\nR 20000\nswitch 1\n{map}switch 0\nunmap 10000 4096\nswitch 1\nR 10000\n"
    );
    let Counts {
        fills,
        refills,
        swap_reads,
        freed,
        ..
    } = naive(&text, lru(1));
    assert_eq!((fills, refills, swap_reads, freed), (2, 1, 1, 0));
    agrees(&text, lru(1));
    // The child of vfork has the memory of a parent that was killed, then its own.
    let text = "map 10000 4096 rw-\nW 10000\nvfork 1\nR 50000\nswitch 1\nR 10000\nexec\n\
                map 10000 4096 rw-\nR 10000\n";
    let Counts {
        refs,
        hits,
        fills,
        segfaults,
        refs_dropped,
        freed,
        ..
    } = naive(text, lru(4));
    assert_eq!(
        (refs, hits, fills, segfaults, refs_dropped, freed),
        (3, 1, 2, 1, 0, 1)
    );
    agrees(text, lru(4));
    // The heap begins at 51f32: no brk can end it at 51271.
    let text = "brk 51f32\nbrk 52948\nW 52000\nbrk 51271\nR 52000\n";
    let Counts {
        hits,
        segfaults,
        freed,
        ..
    } = naive(text, lru(4));
    assert_eq!((hits, segfaults, freed), (1, 0, 0));
    agrees(text, lru(4));
    // The first read from swap makes the page writable, and nobody shares it after that: the write is a hit.
    let text = "map 10000 4096 rw-\nmap 20000 4096 r--\nW 10000\nfork 1\nswitch 1\nexit\nswitch 0\nR 20000\n\
                R 10000\nR 20000\nadvise 10000 4096 willneed\nR 10000\nW 10000\n";
    let Counts {
        refills,
        prefetched,
        maps,
        cow_reuses,
        hits,
        ..
    } = naive(text, lru(1));
    assert_eq!(
        (refills, prefetched, maps, cow_reuses, hits),
        (2, 1, 1, 0, 1)
    );
    agrees(text, lru(1));
    // The stack is one mapping again, of 7fe pages; 5a000 is more than 8 MiB below its end.
    let text = "map 103f000 4096 rw- grows-down\nR 842001\nprotect 842000 16384 r--\n\
                protect 842000 16384 rw-\nR 5a000\n";
    let Counts {
        fills, segfaults, ..
    } = naive(text, lru(4));
    assert_eq!((fills, segfaults), (1, 1));
    agrees(text, lru(4));
    // 1f000 and 30000 are bound to nothing: the page at 30000 could not come in.
    let text = "map 1e000 8192 rw- shared\nW 1e000\nmap 30000 4096 rw-\npopulate 30000 4096 read\n";
    let no_swap = Settings {
        swap_slots: Some(0),
        ..lru(1)
    };
    let Counts {
        untouched_end,
        swap_full,
        ..
    } = naive(text, no_swap.clone());
    assert_eq!((untouched_end, swap_full), (2, true));
    agrees(text, no_swap);
}

/// The page of a file that is copied comes in first and stays: the second process copies it from memory.
#[test]
fn the_original_of_a_copy() {
    let map = "map 10000 4096 rw- file=1,0,4096\nW 10000\n";
    let text = format!("switch 1\n{map}switch 2\n{map}");
    counts(
        &text,
        &lru(4),
        "cow_copies 2, originals 1, file_reads 1, major_faults 1, minor_faults 1, distinct_pages 3",
    );
    let drop = Settings {
        keep_page_cache: false,
        ..lru(4)
    };
    counts(
        &text,
        &drop,
        "cow_copies 2, originals 0, file_reads 2, major_faults 2, minor_faults 0, distinct_pages 2",
    );
}

/// Entries of shared memory are left out, those of a private mapping of a file with a copy are not.
#[test]
fn a_mapping_is_inherited_as_a_whole() {
    let text = "map 10000 4096 rw- shared\nmap 30000 8192 rw- file=2,0,8192\nW 10000\nR 30000\nW 31000\n\
                fork 1\nswitch 1\n";
    let drop = Settings {
        copy_file_ptes: false,
        ..lru(8)
    };
    counts(&format!("{text}R 10000\n"), &drop, "hits 0, maps 1");
    counts(&format!("{text}R 30000\n"), &drop, "hits 1, maps 0");
    counts(
        &format!("{text}R 10000\nR 30000\n"),
        &lru(8),
        "hits 2, maps 0",
    );
}

/// A write beyond the end makes a file longer for its mappings, another length in a map makes it shorter.
#[test]
fn a_file_is_as_long_as_it_is() {
    let io = Settings {
        count_file_io: true,
        ..lru(4)
    };
    let text = "map 10000 8192 rw- shared file=1,0,4096\nwrite 1 4096 4096\nR 11000\n";
    counts(
        text,
        &io,
        "io_loads 1, fills 0, maps 1, freed 0, dirty_end 1",
    );
    let text = "map 10000 8192 rw- shared file=1,0,8192\nW 11000\nunmap 10000 8192\n\
                map 10000 8192 rw- shared file=1,0,4096\nR 10000\n";
    counts(
        text,
        &lru(4),
        "fills 2, freed 1, freed_dirty 0, resident_end 1, dirty_end 0",
    );
}

/// What cannot be is refused by both.
#[test]
fn both_refuse() {
    let head = "map 10000 8192 rw-\nmap 20000 8192 rw-\nW 10000\n";
    for line in [
        "map 11000 4096 rw-",
        "map 10001 1 rw-",
        "map fffffffffff000 8192 rw-",
        "fork 0",
        "fork 1\nfork 1",
        "fork 1\nvfork 1",
        "vfork 1\nexit",
        "vfork 1\nexec",
        "vfork 1\nswitch 1\nexit\nexit",
        "exit\nW 10000",
        "exit\nunmap 10000 4096",
        "brk 100000\nbrk 100000000001000",
        "move 10000 4096 20000 4096",
        "move 10000 8192 11000 8192",
        "move 10000 8192 11000 8192 fixed",
        "move 10010 4096 30000 4096",
        "move 10000 4096 30010 4096",
        "move 11000 8192 30000 8192",
        "move 10000 4096 30000 8192 keep",
        "move 10000 4096 10000 8192",
        "move 10000 4096 10000 4096 keep",
        "move 10000 4096 fffffffffff000 8192",
    ] {
        let text = format!("{head}{line}\nW 11000\n");
        let settings = lru(4);
        assert!(
            product::replay(&text, &settings).is_err(),
            "the program takes: {line}"
        );
        assert!(
            replay(&text, &settings).is_err(),
            "the naive machine takes: {line}"
        );
    }
}
