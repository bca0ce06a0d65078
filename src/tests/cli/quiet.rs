//! `-q`: errors only on standard error.

use super::harness::Sandbox;
use std::path::Path;

/// Illegal references, bad lines, kinds with a warning, excludes without effect, small samples, long
/// traces, full swap.
#[test]
fn quiet_commands_say_nothing() {
    let sandbox = Sandbox::with_trace();
    sandbox.write(
        "illegal.trace",
        "# pagebench trace 1\nmap 1000 12288 rw-\nR 1000\nR 2000\nR 9000\nunmap a000 4096\nW 1000\n",
    );
    sandbox.write("bad.lirs", "1\n2\nx\n3\n");
    sandbox
        .run("gen uniform --pages 5000 --refs 20k --writes 50 -o u.pbt")
        .code(0);
    sandbox.write(
        "e.toml",
        "schema = 1\nframes = 2\npolicy = \"lru\"\n[[trace]]\npath = \"t.txt\"\n\
         [[exclude]]\npolicy = \"fifo\"\n",
    );
    sandbox
        .shell("mkdir folder && cp t.txt folder && echo '?' > folder/none")
        .code(0);
    for (args, code) in [
        (
            "run illegal.trace -p lru -m 2 --on-segfault skip --no-charts -o a",
            0,
        ),
        (
            "run bad.lirs --format lirs --skip-bad -p lru -m 2 --no-charts -o b",
            0,
        ),
        ("run -f e.toml --no-charts -o c", 0),
        (
            "run t.txt u.pbt --limit 10 --skip 4000 -p lru -m 2 --no-charts -o d",
            0,
        ),
        (
            "run u.pbt -p lru,opt -m 8 --mem-limit 1 --windows --no-charts -o e",
            0,
        ),
        ("run u.pbt -p lru -m 8 --swap 8KiB --no-charts -o f", 0),
        ("run folder -p lru -m 8 --no-charts -o g", 0),
        ("run t.txt --no-charts -o h", 0),
        ("run -f e.toml --no-charts -o c --resume", 0),
        ("plan -f e.toml", 0),
        ("curve t.txt -p lru --sample 0.01", 0),
        ("vm illegal.trace -m 2 --at end", 0),
        ("vm u.pbt -m 8 --swap 8KiB -o v", 0),
        ("explain illegal.trace -m 2 --count 1", 0),
        ("check base.csv -f e.toml --accept", 0),
        ("check base.csv t.txt illegal.trace", 0),
        ("convert u.pbt --data-only -o u.rw", 0),
    ] {
        sandbox.run(&format!("{args} -q")).code(code).no_message();
    }
    sandbox.run("run nosuch -q").code(1).err(&["error: nosuch"]);
}

/// Notes and warnings go through `note`, which is silent with `-q`; `message` is for errors.
#[test]
fn no_warning_is_printed_as_an_error_is() {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    assert!(files.len() > 40);
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for (at, _) in text.match_indices("message(") {
            let rest = text[at..].split(['\"', ';']).nth(1).unwrap_or_default();
            let soft = rest.starts_with("note:") || rest.starts_with("warning:");
            assert!(!soft, "{}: {rest}", path.display());
        }
    }
}

#[test]
fn bars_that_cannot_be_drawn_are_lines() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("run t.txt -p lru -m 8 --progress bar --no-charts -o out")
        .code(0)
        .err(&["replayed 4000 references in 1 of 1 cells"]);
    sandbox
        .run("head t.txt --format lirs -n 2")
        .code(3)
        .err(&["error: "]);
}
