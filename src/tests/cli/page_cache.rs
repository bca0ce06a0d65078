//! Pages of files that outlive their last unmap, and reads and writes of files: hand-made traces with their
//! counts, names of cells, and bad input.

use crate::harness::Sandbox;
use std::path::Path;

const HEAD: &str = "# pagebench trace 1\n# kind: full\n# addressing: bytes\n";

/// With an example of the repository, as `t.trace`.
fn with_example(name: &str) -> Sandbox {
    let path = format!("traces/examples/{name}.trace");
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    with_text(&text)
}

fn with_text(text: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("t.trace", text);
    sandbox
}

/// The columns of the only row of a run of `t.trace`.
fn row(sandbox: &Sandbox, options: &str, columns: &str) -> String {
    let run = format!("run t.trace --no-charts --force -o out {options}");
    sandbox.run(&run).code(0);
    let rows = sandbox.rows("out/results.csv");
    assert_eq!(rows.len(), 1, "{options}");
    let one = |column: &str| format!("{column} {}", rows[0][column]);
    let all: Vec<String> = columns.split_whitespace().map(one).collect();
    all.join(", ")
}

/// `traces/examples/page-cache.trace` says why.
#[test]
fn a_page_that_is_mapped_again() {
    let sandbox = with_example("page-cache");
    let columns =
        "page_cache hits fills refills maps freed freed_dirty dirty_end file_reads distinct_pages";
    for (options, wanted) in [
        (
            "-p lru -m 4",
            "page_cache keep, hits 1, fills 1, refills 0, maps 1, freed 1, freed_dirty 0, dirty_end 0, file_reads 1, distinct_pages 1",
        ),
        (
            "-p lru -m 4 --page-cache drop",
            "page_cache drop, hits 1, fills 2, refills 0, maps 0, freed 2, freed_dirty 2, dirty_end 0, file_reads 2, distinct_pages 2",
        ),
        (
            "-p ws --tau 9",
            "page_cache keep, hits 1, fills 1, refills 1, maps 0, freed 2, freed_dirty 2, dirty_end 0, file_reads 2, distinct_pages 1",
        ),
        (
            "-p lru -m 4 --allocation equal",
            "page_cache keep, hits 1, fills 1, refills 1, maps 0, freed 2, freed_dirty 2, dirty_end 0, file_reads 2, distinct_pages 1",
        ),
    ] {
        assert_eq!(row(&sandbox, options, columns), wanted, "{options}");
    }
    // The position in the trace at which the file is still in memory, and mapped by nobody.
    let text = "map 10000 4096 rw- shared file=1,8192,99999\nW 10000\nunmap 10000 4096\n\
                map 20000 4096 rw- name=a\nW 20000\n";
    let sandbox = with_text(&format!("{HEAD}{text}"));
    sandbox.run("vm t.trace --at end -m 2").code(0).out(&[
        "[file1+0x2000]",
        "a page of a file or of shared memory that no process has",
    ]);
    // It makes room as any other page.
    sandbox
        .run("explain t.trace -p lru -m 1")
        .code(0)
        .out(&["0x10000"]);
    assert_eq!(
        row(&sandbox, "-p lru -m 1", "evictions_dirty freed"),
        "evictions_dirty 1, freed 0"
    );
    assert_eq!(
        row(&sandbox, "-p lru -m 2", "evictions_dirty dirty_end"),
        "evictions_dirty 0, dirty_end 2"
    );
}

/// `traces/examples/program-twice.trace` says why.
#[test]
fn a_program_that_runs_twice() {
    let sandbox = with_example("program-twice");
    let columns = "page_cache fills maps cow_copies minor_faults file_reads distinct_pages freed";
    for (options, wanted) in [
        (
            "",
            "page_cache keep, fills 2, maps 1, cow_copies 2, minor_faults 3, file_reads 2, distinct_pages 4, freed 2",
        ),
        (
            "--page-cache drop",
            "page_cache drop, fills 3, maps 0, cow_copies 2, minor_faults 1, file_reads 4, distinct_pages 5, freed 5",
        ),
    ] {
        let options = format!("-p lru -m 4 {options}");
        assert_eq!(row(&sandbox, &options, columns), wanted, "{options}");
    }
}

/// `traces/examples/file-io.trace` says why.
#[test]
fn reads_and_writes_of_files() {
    let sandbox = with_example("file-io");
    let columns = "file_io refs hits fills maps io_hits io_loads file_reads evictions_clean evictions_dirty dirty_end distinct_pages";
    for (options, wanted) in [
        (
            "--file-io count",
            "file_io count, refs 2, hits 1, fills 0, maps 1, io_hits 1, io_loads 4, file_reads 3, evictions_clean 1, evictions_dirty 1, dirty_end 2, distinct_pages 3",
        ),
        (
            "",
            "file_io ignore, refs 2, hits 1, fills 1, maps 0, io_hits 0, io_loads 0, file_reads 1, evictions_clean 0, evictions_dirty 0, dirty_end 1, distinct_pages 1",
        ),
        // Only p0 has a frame, from 0 on. What nobody maps passes through memory: p0 and p1 at first, then
        // p2 and p1.
        (
            "--file-io count --page-cache drop",
            "file_io count, refs 2, hits 1, fills 1, maps 0, io_hits 1, io_loads 4, file_reads 4, evictions_clean 0, evictions_dirty 0, dirty_end 1, distinct_pages 1",
        ),
    ] {
        let options = format!("-p lru -m 2 {options}");
        assert_eq!(row(&sandbox, &options, columns), wanted, "{options}");
    }
    sandbox
        .run("run t.trace -p lru -m 2 --no-charts --force -o out")
        .code(0)
        .err(&["5 reads and writes of files are ignored; --file-io count counts the pages"]);
    sandbox
        .run("explain t.trace -p lru -m 2 --file-io count")
        .code(0)
        .out(&["file1+0x2000"]);
    for policy in ["ws", "lru", "opt", "opt-wb", "wsclock", "mglru"] {
        let run = format!(
            "run t.trace -p {policy} -m 2 --tau 3 --file-io count --no-charts --force -o out"
        );
        sandbox.run(&run).code(0);
    }
}

/// The small traces whose counts are known.
#[test]
fn published_cases() {
    let again = "map 10000 4096 rw- shared file=1,0,4096\nW 10000\nunmap 10000 4096\n\
                 map 10000 4096 rw- shared file=1,0,4096\nR 10000\n";
    let twice = "switch 1\nmap 10000 4096 r-x file=1,0,4096 name=/bin/ls\nI 10000\nexit\n\
                 switch 2\nmap 10000 4096 r-x file=1,0,4096 name=/bin/ls\nI 10000\nexit\n";
    for text in [again, twice] {
        let sandbox = with_text(&format!("{HEAD}{text}"));
        let columns = "file_reads fills maps minor_faults";
        assert_eq!(
            row(&sandbox, "-p lru -m 4", columns),
            "file_reads 1, fills 1, maps 1, minor_faults 1"
        );
        assert_eq!(
            row(&sandbox, "-p lru -m 4 --page-cache drop", columns),
            "file_reads 2, fills 2, maps 0, minor_faults 0"
        );
    }
}

/// The programs of the pipeline map the same libraries one after the other: 36 pages are mapped again.
/// The originals of private pages that a program writes first come in too, and the copies of later
/// programs find them: 51 reads less, 16 pages that only copies are made of.
#[test]
fn the_pipeline_maps_its_libraries_again() {
    let sandbox = Sandbox::new();
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/pipeline.pbt");
    for (options, wanted) in [
        (
            "keep",
            "distinct_pages 534, fills 388, refills 0, maps 741, file_reads 267",
        ),
        (
            "drop",
            "distinct_pages 554, fills 424, refills 0, maps 705, file_reads 354",
        ),
    ] {
        let run = format!(
            "run {} -p lru -m 2000 --page-cache {options} --no-charts --force -o out",
            trace.display()
        );
        sandbox.run(&run).code(0);
        let row = &sandbox.rows("out/results.csv")[0];
        let columns = ["distinct_pages", "fills", "refills", "maps", "file_reads"];
        let got = columns.map(|column| format!("{column} {}", row[column]));
        assert_eq!(got.join(", "), wanted);
    }
}

/// A file that is unlinked while it is mapped is gone with its last mapping: nothing is written.
#[test]
fn files_that_go_while_they_are_mapped() {
    let text = "map 10000 8192 rw- shared file=1,0,8192\nW 10000\nW 11000\nunlink 1\n\
                unmap 10000 4096\nunmap 11000 4096\n\
                map 10000 4096 rw- shared file=1,0,8192\nR 10000\n";
    let sandbox = with_text(&format!("{HEAD}{text}"));
    let columns = "fills refills maps freed freed_dirty dirty_end distinct_pages";
    // The third fill is of another file.
    let gone = "fills 3, refills 0, maps 0, freed 2, freed_dirty 0, dirty_end 0, distinct_pages 3";
    assert_eq!(row(&sandbox, "-p lru -m 4", columns), gone);
    // The first page is written when it is unmapped: then the file is still mapped.
    let left = "fills 3, refills 0, maps 0, freed 2, freed_dirty 1, dirty_end 0, distinct_pages 3";
    assert_eq!(row(&sandbox, "-p ws --tau 9", columns), left);
    assert_eq!(
        row(&sandbox, "-p lru -m 4 --page-cache drop", columns),
        left
    );
}

#[test]
fn bad_input_and_names() {
    let text = "map 10000 4096 rw- shared file=1,0,100\nW 10000\nunmap 10000 4096\nunlink 2\n\
                length 3 4096\nread 1 100 10\nread 4 0 18446744073709551615\nR 10000\n";
    let sandbox = with_text(&format!("{HEAD}{text}"));
    // An unknown file, unlinked or given a length, and bytes beyond the end.
    let run = "run t.trace -p lru -m 4 --on-segfault skip --no-charts -o out --force";
    sandbox
        .run(&format!("{run} --file-io count"))
        .code(0)
        .err(&["3 events had no effect", "1 segmentation fault"]);
    let columns = "io_loads resident_end";
    // As many bytes as Linux transfers at once: 2 GiB less a page.
    assert_eq!(
        row(
            &sandbox,
            "-p lru -m 4 --on-segfault skip --file-io count",
            columns
        ),
        "io_loads 524287, resident_end 4"
    );
    for (options, wanted) in [
        ("--page-cache kept", "did you mean \"keep\""),
        ("--file-io counts", "did you mean \"count\""),
    ] {
        sandbox
            .run(&format!("run t.trace -p lru -m 2 {options} -o other"))
            .code(2)
            .err(&[wanted]);
    }
    // Keys of an experiment, and a part of a cell's name if it is not the default.
    let sandbox = with_example("page-cache");
    sandbox.write(
        "e.toml",
        "schema = 1\npolicy = \"lru\"\nframes = \"4\"\npage-cache = \"drop\"\nfile-io = \"count\"\n\
         [[trace]]\npath = \"t.trace\"\n",
    );
    sandbox.run("run -f e.toml --no-charts -o e").code(0);
    assert_eq!(sandbox.rows("e/results.csv")[0]["page_cache"], "drop");
    sandbox
        .run("run t.trace -p lru -m 4 --no-charts -o w")
        .code(0);
    sandbox
        .run("compare w/results.csv e/results.csv --metric fills")
        .code(4)
        .err(&["t, lru, 4 frames, page_cache=drop: only in e/results.csv"]);
    // Without mappings nothing is kept, and nothing says so.
    let sandbox = with_text(&format!("{HEAD}R 10000\n"));
    assert_eq!(
        row(
            &sandbox,
            "-p lru -m 4 --page-cache keep",
            "page_cache file_io"
        ),
        "page_cache , file_io "
    );
}
