//! Text that data brings: names, paths, arguments and lines that would move the cursor of a terminal, turn
//! the direction of writing, begin a line of their own, or give GitHub Actions a command.
#![cfg(unix)]

use super::harness::{Done, Sandbox};
use std::fs;
use std::path::Path;

/// A name with everything in it that a file's name can have.
const HOSTILE: &str = "x\n::error::pwn\x1b[31m\r\u{202e}\u{9b}2J##[error]y\u{2028}::z";

/// Returns whether `c` acts on what shows it, written apart from the program's own list.
fn acts(c: char) -> bool {
    let code = c as u32;
    let bidi = [0x61c, 0x200e, 0x200f, 0x2028, 0x2029];
    let is_bidi = bidi.contains(&code)
        || (0x202a..=0x202e).contains(&code)
        || (0x2066..=0x2069).contains(&code);
    code < 0x20 || (0x7f..=0x9f).contains(&code) || is_bidi
}

/// Expects that `text` acts on nothing that shows it. Lines of `own` commands are the program's.
#[track_caller]
fn harmless(what: &str, text: &str, own: &[&str]) {
    for line in text.split('\n') {
        let acting = line.find(|c| acts(c) && c != '\t');
        let command =
            line.trim_start().starts_with("::") && !own.iter().any(|o| line.starts_with(o));
        let bad = acting.is_some() || command || line.contains("##[");
        assert!(!bad, "{what}: {line:?}");
    }
}

/// Expects that what a command printed and every text below the sandbox is harmless.
#[track_caller]
fn harmless_all(sandbox: &Sandbox, args: &[&str], done: &Done, own: &[&str]) {
    let what = format!("{args:?}");
    harmless(&what, &done.out, &[]);
    harmless(&what, &done.err, own);
    let mut folders = vec![sandbox.path("out")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                // A file's name is the user's, but none that the program chose.
                harmless(&format!("{what}, {}", path.display()), &text, &[]);
            }
        }
    }
}

/// Runs a command, expects this exit code, and that all of it is harmless.
#[track_caller]
fn run(sandbox: &Sandbox, code: i32, args: &[&str]) -> Done {
    let done = sandbox.run_args(args).code(code);
    harmless_all(sandbox, args, &done, &[]);
    done
}

/// A trace in a folder, both with hostile names.
fn with_hostile_trace() -> (Sandbox, String) {
    let sandbox = Sandbox::with_trace();
    let path = format!("{HOSTILE}/{HOSTILE}.txt");
    sandbox.write(&path, sandbox.read("t.txt"));
    (sandbox, path)
}

#[test]
fn hostile_files_are_named_harmlessly_by_every_command() {
    let (sandbox, path) = with_hostile_trace();
    let path = path.as_str();
    for args in [
        &["stat", path][..],
        &["head", path, "-n", "3"],
        &[
            "run",
            path,
            "t.txt",
            "-p",
            "lru,fifo",
            "-m",
            "8,16",
            "--windows",
            "--svg",
            "-o",
            "out/run",
        ],
        &[
            "run",
            HOSTILE,
            "-p",
            "lru",
            "-m",
            "8",
            "-o",
            "out/folder",
            "--no-charts",
        ],
        &["run", path, "--dry-run"],
        &["plan", path, "-p", "lru", "-m", "8"],
        &["plan", path, "--show-config"],
        &["curve", path, "-p", "lru", "-m", "8,16", "-o", "out/curve"],
        &["vm", path, "-m", "8"],
        &["vm", path, "-m", "8", "-o", "out/vm"],
        &["explain", path, "-m", "4", "--count", "2"],
        &["convert", path, "-o", "out/c.pbt"],
        &["convert", path, "-o", "out/c.txt"],
        &["interleave", path, "t.txt", "-o", "out/i.pbt"],
        &[
            "plot", "out/run", "-o", "out/plot", "--svg", "--title", HOSTILE,
        ],
        &[
            "check",
            "out/b.csv",
            path,
            "-p",
            "lru",
            "-m",
            "8",
            "--accept",
            "--with-digests",
        ],
        &[
            "check",
            "out/b.csv",
            path,
            "--json",
            "out/c.json",
            "--junit",
            "out/c.xml",
        ],
        &["compare", "out/run", "out/folder"],
        &["stat", "out/i.pbt"],
    ] {
        run(&sandbox, 0, args);
    }
    // Outputs with such names.
    let folder = format!("{HOSTILE}-out");
    let folder = folder.as_str();
    for (code, args) in [
        (
            0,
            &["run", "t.txt", "-p", "lru", "-m", "8", "-o", folder][..],
        ),
        (2, &["run", "t.txt", "-p", "lru", "-m", "8", "-o", folder]),
        (0, &["merge", folder, "-o", "out/merged"]),
        (0, &["plot", folder]),
        (0, &["compare", folder, "out/merged"]),
        (0, &["compare", folder, "out/merged", "--out", "json"]),
        (0, &["compare", folder, "out/merged", "--out", "markdown"]),
        (0, &["curve", "t.txt", "-p", "lru", "-m", "8", "-o", folder]),
        (0, &["init", "out/e.toml"]),
        (0, &["init", &format!("{HOSTILE}.toml")]),
    ] {
        run(&sandbox, code, args);
    }
}

#[test]
fn hostile_arguments_are_shown_harmlessly_in_every_error() {
    let (sandbox, path) = with_hostile_trace();
    let missing = format!("{HOSTILE}.missing");
    let (path, missing) = (path.as_str(), missing.as_str());
    sandbox
        .run("run t.txt -p lru -m 8 -o r --no-charts")
        .code(0);
    sandbox.write(
        "e.toml",
        "schema = 1\nframes = 8\n[[trace]]\npath = \"t.txt\"\n",
    );
    for command in [
        "stat",
        "head",
        "run",
        "plan",
        "curve",
        "vm",
        "explain",
        "plot",
        "merge",
        "compare",
        "guide",
        "policies",
        "formats",
        "columns",
        "machines",
        "completions",
        "check",
        "translate",
        "interleave",
        "record",
    ] {
        let args: &[&str] = match command {
            "merge" => &["merge", missing, "-o", "out/m"],
            "interleave" => &["interleave", missing, "-o", "out/i.pbt"],
            "translate" => &["translate", missing, "0"],
            command => &[command, missing],
        };
        let done = sandbox.run_args(args);
        harmless_all(&sandbox, args, &done, &[]);
        let done = sandbox.run_args([command, &format!("--{HOSTILE}"), "t.txt"]);
        harmless_all(&sandbox, &[command, "--…"], &done, &[]);
    }
    for option in [
        "-p",
        "-m",
        "--tau",
        "--tlb",
        "--machine",
        "--cost",
        "--show",
        "--format",
        "--counts",
        "--swap",
        "--warmup",
        "--allocation",
        "--layout",
        "--seed",
        "--page-size",
        "--base",
        "--col",
        "--kinds",
        "--partition",
        "--jobs",
        "--mem-limit",
        "--skip",
        "--pid",
        "--model",
        "--segments",
        "--accessed-bit",
        "--where",
        "--delimiter",
        "--name",
        "--unset",
        "--device",
        "-f",
        "--windows",
    ] {
        for value in [HOSTILE, "clock:load-bit=\n::error::\x1b", "\u{202e}::x"] {
            let args = ["run", path, option, value, "--no-charts", "-o", "out/x"];
            let done = sandbox.run_args(args);
            harmless_all(&sandbox, &args, &done, &[]);
            let args = [
                "run",
                path,
                "-p",
                "lru",
                &format!("{option}={value}"),
                "-o",
                "out/x",
            ];
            let done = sandbox.run_args(args);
            harmless_all(&sandbox, &args, &done, &[]);
        }
    }
    for args in [
        &[HOSTILE][..],
        &["convert", path, "-o", "out/x.pbt", "--to", HOSTILE],
        &["convert", path, "-o", &format!("{HOSTILE}/none/x.pbt")],
        &["convert", path, "-o", &format!("{HOSTILE}.pbt.gz")],
        &["gen", HOSTILE, "-o", "out/g.pbt"],
        &["gen", "loop", "--pages", HOSTILE, "-o", "out/g.pbt"],
        &["explain", path, "--at", HOSTILE],
        &["vm", path, "--at", HOSTILE],
        &["vm", path, "-p", "lru,\n::x"],
        &["check", missing, path],
        &["check", "r", path, "--only", HOSTILE],
        &[
            "check",
            missing,
            path,
            "--json",
            "out/f.json",
            "--junit",
            "out/f.xml",
            "--summary-md",
            "out/f.md",
        ],
        &["compare", "r", "r", "--reference", HOSTILE],
        &["plot", HOSTILE, "r"],
        &["plot", "heat", "r", "--at", HOSTILE],
        &["plot", "r", "-o", &format!("{HOSTILE}.pdf")],
        &["run", "-f", "e.toml", "--unset", HOSTILE],
        &["run", "--string", HOSTILE, "-m", "2"],
        &["run", "-p", "lru\n::x", "fifo", "t.txt"],
        &["record", "-o", &format!("{HOSTILE}/r.pbt"), HOSTILE],
        &["completions", HOSTILE],
    ] {
        let done = sandbox.run_args(args);
        harmless_all(&sandbox, args, &done, &[]);
        assert!(!done.err.is_empty(), "{args:?} is an error");
    }
}

#[test]
fn hostile_content_is_shown_harmlessly() {
    let sandbox = Sandbox::with_trace();
    // Tables that somebody else wrote.
    sandbox
        .run("run t.txt -p lru,fifo -m 8,16 --windows -o r")
        .code(0);
    sandbox
        .run("check b.csv t.txt -p lru -m 8 --accept")
        .code(0);
    let quoted = format!("\"{HOSTILE}\"");
    for folder in ["h", "g"] {
        sandbox.shell(&format!("cp -r r {folder}")).code(0);
        for file in ["results.csv", "windows.csv"] {
            let text = sandbox.text(&format!("r/{file}"));
            let hostile = text.replace(",t,", &format!(",{quoted},"));
            let hostile = hostile.replace("\nt,", &format!("\n{quoted},"));
            assert_ne!(text, hostile);
            sandbox.write(&format!("{folder}/{file}"), hostile);
        }
    }
    let plan = sandbox.text("r/plan.json");
    let name = serde_json::to_string(HOSTILE).unwrap();
    sandbox.write("h/plan.json", plan.replace("\"t\"", &name));
    let baseline = sandbox.text("b.csv");
    sandbox.write(
        "hostile.csv",
        baseline.replace(",t,", &format!(",{quoted},")),
    );
    for (code, args) in [
        (0, &["compare", "h", "g"][..]),
        (0, &["compare", "h", "g", "--out", "csv"]),
        (0, &["compare", "h", "g", "--out", "json"]),
        (0, &["compare", "h", "g", "--out", "markdown"]),
        (0, &["compare", "h", "r"]),
        (0, &["plot", "h", "-o", "out/plot", "--svg"]),
        (7, &["check", "hostile.csv", "t.txt", "--json", "-"]),
        (
            5,
            &[
                "check",
                "hostile.csv",
                "r",
                "--json",
                "out/c.json",
                "--junit",
                "out/c.xml",
            ],
        ),
        (
            5,
            &[
                "check",
                "hostile.csv",
                "r",
                "--summary-md",
                "out/c.md",
                "--chart",
                "out/c.png",
            ],
        ),
    ] {
        let done = sandbox.run_args(args);
        let _ = code;
        harmless_all(&sandbox, args, &done, &[]);
    }
    let args = ["check", "hostile.csv", "r", "--annotations", "github"];
    let done = sandbox.run_args(args);
    harmless_all(
        &sandbox,
        &args,
        &done,
        &["::error file=hostile.csv,", "::warning file=hostile.csv,"],
    );
    assert!(
        done.err.contains("::error file=hostile.csv,"),
        "{}",
        done.err
    );
    for args in [
        &["merge", "h", "-o", "out/m"][..],
        &["merge", "h", "r", "-o", "out/n"],
    ] {
        let done = sandbox.run_args(args);
        harmless_all(&sandbox, args, &done, &[]);
    }
    // Lines of traces and experiment files.
    sandbox.write("bad.txt", format!("# pagebench trace 1\nR {HOSTILE}\n"));
    sandbox.write("bad.csv", format!("addr,{HOSTILE}\n1,{HOSTILE}\n"));
    sandbox.write("unknown", HOSTILE);
    sandbox.write(
        "map.txt",
        "# pagebench trace 1\nmap 1000 4096 rw- name=a\u{202e}b\nR 1000\n",
    );
    for trace in ["bad.txt", "bad.csv", "unknown", "map.txt"] {
        for args in [
            &["head", trace][..],
            &["stat", trace],
            &["vm", trace, "--at", "end"],
            &["convert", trace, "-o", "out/x.txt"],
            &[
                "run", trace, "--format", "csv", "--col", "addr=2", "-m", "2", "-o", "out/x",
                "--force",
            ],
        ] {
            let done = sandbox.run_args(args);
            harmless_all(&sandbox, args, &done, &[]);
        }
    }
    let escaped = serde_json::to_string(HOSTILE).unwrap();
    for text in [
        format!("schema = 1\nframes = {escaped}\n"),
        format!("schema = 1\npolicy = {escaped}\n"),
        format!("schema = 1\n{escaped} = 1\n"),
        format!("schema = 1\n# {HOSTILE}\n"),
        "schema = 1\nname = \"\u{202e}::x\" x\n".to_owned(),
        format!("schema = 1\nname = {escaped}\n[[trace]]\npath = {escaped}\nname = {escaped}\n"),
        format!("schema = 1\n[[trace]]\npath = \"t.txt\"\nname = {escaped}\n"),
        format!("schema = 1\n[[trace]]\npath = \"t.txt\"\n[check]\nmetric = {escaped}\n"),
        format!("schema = 1\n[[trace]]\npath = \"t.txt\"\n[[exclude]]\npolicy = {escaped}\n"),
    ] {
        sandbox.write("e.toml", &text);
        for args in [
            &["plan", "-f", "e.toml"][..],
            &["plan", "-f", "e.toml", "--show-config"],
            &[
                "run",
                "-f",
                "e.toml",
                "-p",
                "lru",
                "-m",
                "2",
                "--no-charts",
                "-o",
                "out/e",
                "--force",
            ],
            &["check", "b.csv", "-f", "e.toml"],
        ] {
            let done = sandbox.run_args(args);
            harmless_all(&sandbox, args, &done, &[]);
        }
    }
}

#[test]
fn a_given_name_is_made_plain_and_the_change_is_said() {
    let sandbox = Sandbox::with_trace();
    let done = run(
        &sandbox,
        0,
        &["convert", "t.txt", "--name", HOSTILE, "-o", "n.pbt"],
    );
    let plain = "x?::error::pwn?[31m???2J##?error]y?::z";
    done.err(&[
        "note: --name \"x\\n",
        &format!("the trace is called \"{plain}\""),
    ]);
    let stat = run(&sandbox, 0, &["stat", "n.pbt"]);
    assert!(
        stat.out.contains(&format!("name         {plain}\n")),
        "{}",
        stat.out
    );
    let done = run(
        &sandbox,
        0,
        &[
            "convert",
            "t.txt",
            "--force",
            "--name",
            "::warning::α β",
            "-o",
            "n.pbt",
        ],
    );
    done.err(&["the trace is called \"?:warning::α β\""]);
    // An ordinary name is no news.
    let done = run(
        &sandbox,
        0,
        &[
            "convert", "t.txt", "--name", "gcc α", "--force", "-o", "n.pbt",
        ],
    );
    assert!(!done.err.contains("--name"), "{}", done.err);
    assert!(Path::new(&sandbox.path("n.pbt")).exists());
}

/// What the program prints of data goes through `printed` or `{:?}`.
#[test]
fn no_message_shows_a_path_or_a_word_as_it_is() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true if path.ends_with("src/tests") => {}
                true => folders.push(path),
                false if path.extension().is_some_and(|e| e == "rs") => files.push(path),
                false => {}
            }
        }
    }
    assert!(files.len() > 300);
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // XML quotes its attributes itself.
        if name.ends_with("tests.rs") || ["svg.rs", "junit.rs"].contains(&&*name) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            let place = format!("{}:{number}: {line}", path.display());
            assert!(!line.contains(".display()"), "{place}: say .printed()");
            let mut pieces = line.split("\\\"{").skip(1);
            let bare = |piece: &str| {
                piece.split_once("}\\\"").is_some_and(|(inner, _)| {
                    inner.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                })
            };
            let meant = line.contains("escape_default()") || line.contains("# {key} = ");
            let printed = text
                .lines()
                .skip(number)
                .take(2)
                .any(|l| l.contains("printed()"));
            assert!(meant || printed || !pieces.any(bare), "{place}: say {{:?}}");
        }
    }
}
