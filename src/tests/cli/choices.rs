//! Choices in which systems differ: each with a trace that was followed by hand, in the columns of the
//! results, in names and in baselines, those of earlier versions among them.

use crate::harness::Sandbox;
use std::path::{Path, PathBuf};

/// A file of the repository.
fn own(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// With an example, as `t.trace`.
fn with_example(name: &str) -> Sandbox {
    let text = std::fs::read_to_string(own(&format!("traces/examples/{name}.trace"))).unwrap();
    assert!(text.lines().count() <= 40, "it is to be read");
    let sandbox = Sandbox::new();
    sandbox.write("t.trace", text);
    sandbox
}

/// The columns of each row of a run of `t.trace`.
fn rows(sandbox: &Sandbox, options: &str, columns: &str) -> Vec<String> {
    let run = format!("run t.trace --no-charts --force -o out {options}");
    sandbox.run(&run).code(0);
    let of_row = |row: &std::collections::BTreeMap<String, String>| {
        let one = |column: &str| format!("{column} {}", row[column]);
        let all: Vec<String> = columns.split_whitespace().map(one).collect();
        all.join(", ")
    };
    sandbox.rows("out/results.csv").iter().map(of_row).collect()
}

/// `traces/examples/cow-source.trace` says why.
#[test]
fn the_source_of_a_copy_stays() {
    let sandbox = with_example("cow-source");
    let columns =
        "pin_cow_source hits fills refills cow_copies cow_reuses evictions_dirty swap_reads";
    for (options, wanted) in [
        (
            "",
            "pin_cow_source on, hits 0, fills 2, refills 0, cow_copies 1, cow_reuses 1, evictions_dirty 1, swap_reads 0",
        ),
        (
            "--pin-cow-source off",
            "pin_cow_source off, hits 0, fills 2, refills 1, cow_copies 1, cow_reuses 0, evictions_dirty 2, swap_reads 1",
        ),
    ] {
        let rows = rows(&sandbox, &format!("-p lru,fifo -m 2 {options}"), columns);
        // In order of load and in order of use the pages are the same.
        assert_eq!(rows, [wanted, wanted], "{options}");
    }
    // With one frame there is no other page: at 1 a makes room for b, so that it is copied from swap.
    let one = rows(
        &sandbox,
        "-p lru -m 1",
        "pin_cow_source cow_copies swap_reads",
    );
    assert_eq!(one, ["pin_cow_source on, cow_copies 1, swap_reads 2"]);
}

/// `traces/examples/swap-in.trace` says why.
#[test]
fn a_page_from_swap_is_mapped_writable_for_its_last_owner() {
    let sandbox = with_example("swap-in");
    let columns = "swap_in hits fills refills cow_reuses evictions_dirty swap_reads";
    for (options, wanted) in [
        (
            "",
            "swap_in writable, hits 2, fills 2, refills 1, cow_reuses 1, evictions_dirty 2, swap_reads 1",
        ),
        (
            "--swap-in read-only",
            "swap_in read-only, hits 1, fills 2, refills 1, cow_reuses 2, evictions_dirty 2, swap_reads 1",
        ),
    ] {
        let rows = rows(
            &sandbox,
            &format!("-p lru,fifo,clock,opt -m 1 {options}"),
            columns,
        );
        assert_eq!(rows, [wanted; 4], "{options}");
    }
    // With room for both pages nothing comes from swap.
    let two = rows(&sandbox, "-p lru -m 2", "swap_in hits cow_reuses");
    assert_eq!(two, ["swap_in writable, hits 2, cow_reuses 2"]);
}

/// `traces/examples/fork-files.trace` says why.
#[test]
fn a_child_may_have_no_entries_for_pages_of_files() {
    let sandbox = with_example("fork-files");
    let columns = "fork_file_ptes hits fills maps file_reads distinct_pages";
    for (options, wanted) in [
        (
            "",
            "fork_file_ptes copy, hits 3, fills 2, maps 0, file_reads 1, distinct_pages 2",
        ),
        (
            "--fork-file-ptes drop",
            "fork_file_ptes drop, hits 2, fills 2, maps 1, file_reads 1, distinct_pages 2",
        ),
    ] {
        let rows = rows(&sandbox, &format!("-p lru -m 2 {options}"), columns);
        assert_eq!(rows, [wanted], "{options}");
    }
}

/// `traces/examples/freed-frames.trace` says why.
#[test]
fn freed_frames_by_both_published_rules() {
    let sandbox = with_example("freed-frames");
    let columns = "params free_frames hits faults freed";
    for (rule, by_load, by_frame) in [("lifo", (0, 9), (2, 7)), ("fifo", (0, 9), (1, 8))] {
        let options = format!("-p clock:order=load,frame -m 3 --free-frames {rule}");
        let said = |params, (hits, faults)| {
            format!("params {params}, free_frames {rule}, hits {hits}, faults {faults}, freed 2")
        };
        let wanted = [said("", by_load), said("order=frame", by_frame)];
        assert_eq!(rows(&sandbox, &options, columns), wanted);
    }
}

#[test]
fn a_32_bit_layout() {
    const HEAD: &str = "# pagebench trace 1\n# kind: full\n# addressing: bytes\n";
    let sandbox = Sandbox::new();
    let mapped = "map 8048000 4096 r-x name=text\nI 8048000\nR c0001000\n";
    sandbox.write("t.trace", format!("{HEAD}{mapped}"));
    let columns = "layout refs segfaults protection_faults";
    for (options, wanted) in [
        ("", "layout , refs 1, segfaults 1, protection_faults 0"),
        (
            "--layout i386",
            "layout two-level, refs 1, segfaults 0, protection_faults 1",
        ),
    ] {
        assert_eq!(
            rows(&sandbox, &format!("-p lru -m 4 {options}"), columns),
            [wanted]
        );
    }
    // Walks have two levels.
    let columns = "tlb_misses walk_refs";
    let layout = "-p lru -m 4 --on-segfault skip --layout two-level";
    assert_eq!(
        rows(&sandbox, layout, columns),
        ["tlb_misses 1, walk_refs 2"]
    );
    // Without mappings it is the same.
    sandbox.write(
        "t.trace",
        format!("{HEAD}R 8048000\nR c0001000\nR bffff000\n"),
    );
    let columns = "layout on_segfault refs protection_faults refs_dropped";
    assert_eq!(
        rows(&sandbox, "-p lru -m 4 --layout i386", columns),
        ["layout two-level, on_segfault kill, refs 1, protection_faults 1, refs_dropped 1"]
    );
    // What the layout does not have is refused with its place.
    for (text, wanted) in [
        (
            "map 7fff00000000 4096 rw- name=x\nW 7fff00000000\n",
            "line 4, before position 0: address 0x7fff00000000 is beyond the two-level layout, which ends at 0x100000000",
        ),
        (
            "R 8048000\nR 100000000\n",
            "position 1: address 0x100000000 is beyond the two-level layout",
        ),
        (
            "map c0000000 4096 rw- name=x\nW c0000000\n",
            "line 4, before position 0: 4096 bytes from 0xc0000000 on end beyond user space, 0xc0000000",
        ),
    ] {
        sandbox.write("t.trace", format!("{HEAD}{text}"));
        sandbox
            .run("run t.trace -p lru -m 4 --layout i386 -o refused")
            .code(3)
            .err(&[wanted]);
    }
}

#[test]
fn choices_are_words_with_hints() {
    let sandbox = with_example("swap-in");
    for (options, wanted) in [
        ("--swap-in writeable", "did you mean \"writable\""),
        ("--pin-cow-source yes", "one of: on, off"),
        ("--fork-file-ptes dorp", "did you mean \"drop\""),
        ("--free-frames filo", "did you mean \"fifo\""),
        ("--layout i368", "did you mean \"i386\""),
        (
            "-p clock:order=frames",
            "order=\"frames\" is not one of: load, frame",
        ),
    ] {
        sandbox
            .run(&format!("run t.trace -m 2 {options} -o out"))
            .code(2)
            .err(&[wanted]);
    }
    // Keys of an experiment, and part of a cell's name where they are not the default.
    sandbox.write(
        "e.toml",
        "schema = 1\npolicy = \"lru\"\nframes = \"1\"\nswap-in = \"read-only\"\npin-cow-source = \"off\"\n\
         [[trace]]\npath = \"t.trace\"\n",
    );
    sandbox.run("run -f e.toml --no-charts -o e").code(0);
    assert_eq!(sandbox.rows("e/results.csv")[0]["swap_in"], "read-only");
    sandbox
        .run("run t.trace -p lru -m 1 --no-charts -o w")
        .code(0);
    sandbox
        .run("compare w/results.csv e/results.csv --metric cow_reuses")
        .code(4)
        .err(&["t, lru, 1 frame, swap_in=read-only: only in e/results.csv"]);
}

/// A baseline of an earlier version has no column for a choice: it was made with what was done then.
#[test]
fn baselines_of_earlier_versions_are_read() {
    let sandbox = with_example("swap-in");
    let old = "--swap-in read-only --pin-cow-source off --page-cache drop";
    sandbox
        .run(&format!(
            "check now.csv t.trace -p lru -m 1,2 {old} --accept"
        ))
        .code(0);
    let now = sandbox.text("now.csv");
    // The same table without the columns.
    let header: Vec<&str> = now.lines().next().unwrap().split(',').collect();
    let later = "swap_in pin_cow_source fork_file_ptes free_frames layout page_cache file_io io_hits io_loads";
    let is_old = |name: &str| !later.split(' ').any(|later| later == name);
    let without = |line: &str| {
        let fields = line
            .split(',')
            .zip(&header)
            .filter(|(_, name)| is_old(name));
        let fields: Vec<&str> = fields.map(|(field, _)| field).collect();
        fields.join(",") + "\n"
    };
    let before: String = now.lines().map(without).collect();
    sandbox.write("before.csv", &before);
    sandbox
        .run(&format!("check before.csv t.trace {old}"))
        .code(0);
    sandbox
        .run(&format!("check before.csv t.trace {old} --accept"))
        .code(0);
    assert_eq!(sandbox.text("before.csv"), before, "nothing changed");
    // Other choices are refused in words.
    sandbox.run("check before.csv t.trace").err(&[
        "counted with different options: swap_in is read-only in the baseline, writable in this run",
    ]);
    // Accepted, every line has the columns.
    sandbox.run("check before.csv t.trace --accept").code(0);
    let accepted = sandbox.text("before.csv");
    assert_eq!(accepted.lines().next(), now.lines().next());
    assert!(
        accepted
            .lines()
            .skip(1)
            .all(|line| line.contains(",writable,"))
    );
    sandbox.run("check before.csv t.trace").code(0);
    // A table of results without the columns is read, too.
    sandbox
        .run(&format!("run t.trace -p lru -m 1,2 {old} --no-charts -o r"))
        .code(0);
    let results = sandbox.text("r/results.csv");
    let header: Vec<&str> = results.lines().next().unwrap().split(',').collect();
    let cut = |line: &str| {
        let fields = line
            .split(',')
            .zip(&header)
            .filter(|(_, name)| is_old(name));
        let fields: Vec<&str> = fields.map(|(field, _)| field).collect();
        fields.join(",") + "\n"
    };
    sandbox.write("old.csv", results.lines().map(cut).collect::<String>());
    sandbox
        .run("compare old.csv old.csv --metric faults")
        .code(0)
        .out(&["lru"]);
}

/// The baseline of the repository has what an earlier version counted: programs that fork and unmap
/// files have the same counts with the choices of then.
#[test]
fn the_baseline_of_the_repository_with_the_choices_of_then() {
    let sandbox = Sandbox::new();
    // Rows of the baseline as it was before there were choices.
    let baseline = std::fs::read(own("src/tests/cmd/baseline-of-before.csv")).unwrap();
    sandbox.write("baseline.csv", &baseline);
    for name in ["pipeline", "git"] {
        let trace = own(&format!("traces/{name}.pbt"));
        let check = format!(
            "check baseline.csv {} --only {name}/** --swap-in read-only --pin-cow-source off \
             --page-cache drop",
            trace.display()
        );
        sandbox.run(&check).code(0);
    }
}
