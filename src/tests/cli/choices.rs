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

/// `traces/examples/beyond-eof.trace` says why.
#[test]
fn pages_beyond_the_end_of_a_file_are_zeros_or_bus_errors() {
    let sandbox = with_example("beyond-eof");
    let columns = "beyond_eof on_segfault refs hits fills cow_copies freed file_reads distinct_pages segfaults protection_faults bus_errors refs_dropped";
    for (options, wanted) in [
        (
            "",
            "beyond_eof zero, on_segfault kill, refs 7, hits 1, fills 5, cow_copies 1, freed 3, file_reads 2, distinct_pages 6, segfaults 0, protection_faults 0, bus_errors 0, refs_dropped 0",
        ),
        (
            "--beyond-eof fault --on-segfault skip",
            "beyond_eof fault, on_segfault skip, refs 4, hits 1, fills 2, cow_copies 1, freed 2, file_reads 2, distinct_pages 3, segfaults 0, protection_faults 0, bus_errors 3, refs_dropped 0",
        ),
    ] {
        let rows = rows(&sandbox, &format!("-p lru,clock -m 4 {options}"), columns);
        assert_eq!(rows, [wanted; 2], "{options}");
    }
    // Positions are those of the trace, wherever they are shown.
    let fault = "--beyond-eof fault --on-segfault skip";
    let counts = "0 segmentation faults, 0 protection faults and 3 bus errors: they were left out";
    let first = "  position 0: W of the page at 0x10000 by process 0: beyond the end of its file";
    let last = "  position 5: R of the page at 0x21000 by process 0: beyond the end of its file";
    for command in [
        "run t.trace -p lru -m 4 --no-charts --force -o out",
        "explain t.trace -m 4",
    ] {
        sandbox
            .run(&format!("{command} {fault}"))
            .code(0)
            .err(&[counts, first, last]);
    }
    let manifest = sandbox.text("out/manifest.json");
    for wanted in [
        "\"beyond_eof\": \"fault\"",
        "\"bus_errors\": 3",
        "\"fault\": \"bus\"",
    ] {
        assert!(manifest.contains(wanted), "{wanted}: {manifest}");
    }
    sandbox
        .run(&format!("vm t.trace --at end -m 4 {fault}"))
        .code(0)
        .out(&[
            "illegal references of the whole trace: 0 segmentation faults, 0 protection faults, 3 bus errors; 0 later references dropped",
            "beyond the end of its file",
        ]);
    // A process that nothing catches ends there, as by any illegal reference; a trace may be refused.
    sandbox
        .run("explain t.trace -m 4 --beyond-eof fault")
        .err(&["1 bus error: processes ended there, 6 later references were left out"]);
    sandbox
        .run("run t.trace -p lru -m 4 --beyond-eof fault --on-segfault abort -o refused")
        .code(3)
        .err(&["position 0: bus error: W of page 0x10000 by process 0"]);
    // What reaches beyond no end has no such choice.
    sandbox.write(
        "t.trace",
        "# pagebench trace 1\nmap 10000 8192 rw- shared file=1,0,5000 name=f\nW 10000\nW 11000\n",
    );
    assert_eq!(
        rows(
            &sandbox,
            "-p lru -m 4 --beyond-eof fault",
            "beyond_eof refs bus_errors"
        ),
        ["beyond_eof , refs 2, bus_errors 0"]
    );
}

/// A key of an experiment, part of a cell's name, and nothing that a baseline of before has.
#[test]
fn what_is_beyond_the_end_names_a_cell() {
    let sandbox = with_example("beyond-eof");
    sandbox.write(
        "e.toml",
        "schema = 1\npolicy = \"lru\"\nframes = \"4\"\nbeyond-eof = \"fault\"\non-segfault = \"skip\"\n\
         [[trace]]\npath = \"t.trace\"\n",
    );
    sandbox.run("run -f e.toml --no-charts -o e").code(0);
    assert_eq!(sandbox.rows("e/results.csv")[0]["beyond_eof"], "fault");
    sandbox
        .run("run -f e.toml --show-config")
        .code(0)
        .out(&["beyond-eof = \"fault\""]);
    sandbox
        .run("run t.trace -p lru -m 4 --on-segfault skip --no-charts -o w")
        .code(0);
    sandbox
        .run("compare w/results.csv e/results.csv --metric fills")
        .code(4)
        .err(&["t, lru, 4 frames, on_segfault=skip, beyond_eof=fault: only in e/results.csv"]);
    sandbox
        .run("compare w/results.csv e/results.csv --by beyond_eof --metric fills")
        .code(0)
        .out(&["zero", "fault"]);
    sandbox
        .run("check b.csv t.trace -p lru -m 4 --on-segfault skip --accept")
        .code(0);
    let line = sandbox.text("b.csv").lines().nth(1).unwrap().to_owned();
    assert!(line.contains(",zero,"), "{line}");
    sandbox
        .run("check b.csv t.trace --beyond-eof fault --on-segfault skip")
        .err(&["beyond_eof is zero in the baseline, fault in this run"]);
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
        ("--beyond-eof falut", "did you mean \"fault\""),
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
    let later = "swap_in pin_cow_source fork_file_ptes free_frames layout page_cache file_io beyond_eof bus_errors io_hits io_loads";
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
