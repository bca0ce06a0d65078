//! Traces of other tools, from the shell: what they are taken for, and what is said of their kind.

use super::harness::Sandbox;

#[test]
fn kinds_travel_with_the_format() {
    let sandbox = Sandbox::new();
    for (name, content, format, kind) in [
        (
            "pin",
            "0x401: R 0x7ffd10\n0x404: W 0x7ffd20\n#eof\n",
            "pinatrace",
            "full",
        ),
        (
            "msr",
            "1,hm,0,Read,4096,8192,9\n2,hm,1,Write,4096,512,9\n",
            "msr",
            "block-io",
        ),
        ("spc", "0,8,512,R,0.1\n1,8,512,w,0.2\n", "spc", "block-io"),
        (
            "perf",
            "7/7 1.5: page-faults: 5555b9e9a5c0\n",
            "perf-script",
            "faults-only",
        ),
        (
            "ptrace",
            " 0.0 ( 0.0 ms): ls/7 minfault [x+0x1] => /bin/ls@0x40 (d.)\n",
            "perf-trace",
            "faults-only",
        ),
    ] {
        sandbox.write(name, content);
        let done = sandbox
            .run(&format!(
                "run {name} -p lru -m 8 --no-charts --force -o out"
            ))
            .code(0);
        let done = done.err(&[&format!("{name}: {format} (guessed from content)")]);
        let warnings = done
            .err
            .lines()
            .filter(|line| line.starts_with("warning: "))
            .count();
        assert_eq!(warnings, usize::from(kind != "full"), "{}", done.err);
        assert_eq!(
            sandbox.column("out/results.csv", "trace_kind"),
            [kind],
            "{name}"
        );
        done.out(&[kind]);
    }
    // Each disk has pages of its own: 8192 bytes from 4096 on are two pages, and one of the other.
    sandbox.run("stat msr").code(0).out(&["3 pages"]);
    sandbox.run("check b.csv msr -p lru -m 2 --accept").code(0);
    sandbox.run("check b.csv msr").code(0);
}

#[test]
fn binary_traces_by_format() {
    let sandbox = Sandbox::new();
    let mut record = [0u8; 96];
    record[..8].copy_from_slice(&0x40_1000u64.to_le_bytes());
    record[24..32].copy_from_slice(&0x7000u64.to_le_bytes());
    record[56..64].copy_from_slice(&0x8000u64.to_le_bytes());
    sandbox.write("c.trace", record);
    let out = sandbox.run("head c.trace --format cloudsuite").code(0).out;
    let lines: Vec<Vec<&str>> = out
        .lines()
        .skip(1)
        .map(|l| l.split_whitespace().collect())
        .collect();
    let expected = [["I", "0x401000"], ["R", "0x8000"], ["W", "0x7000"]];
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(line[2..4], expected);
    }
    assert_eq!(lines.len(), 3);
    sandbox.run("head c.trace --format champsim").code(3).err(&[
        "record 1 at byte offset 64 is cut short (32 of 64 bytes)",
        "--skip-bad",
    ]);
    sandbox
        .run("head c.trace --format drmemtrace")
        .code(3)
        .err(&["no header of drmemtrace"]);
    sandbox
        .run("head c.trace --format lcs")
        .code(3)
        .err(&["no header of lcs"]);
}

#[test]
fn the_raw_form_of_drmemtrace_is_refused() {
    let sandbox = Sandbox::new();
    let words = [6u64 << 61 | 7, 2 << 61 | 1257, 3 << 61 | 1250, 1 << 61];
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    sandbox.write("raw.bin", bytes);
    sandbox
        .run("run raw.bin -p lru -m 8 -o none")
        .code(3)
        .err(&["the raw form of drmemtrace", "drrun -t drmemtrace -indir"]);
}

/// A page of 4 KiB in base 16 is another one in base 10: 0x1000 and 1000.
#[test]
fn csv_is_read_in_the_base_that_is_said() {
    let sandbox = Sandbox::new();
    sandbox.write("t.csv", "addr,rw\n1000,r\n1fff,w\n");
    let stat = "stat t.csv --format csv --header yes --base";
    sandbox
        .run(&format!("{stat} hex"))
        .code(0)
        .out(&["references", "2"]);
    sandbox
        .run(&format!("{stat} dec"))
        .code(3)
        .err(&["t.csv:3"]);
    sandbox
        .run(&format!("{stat} oct"))
        .code(2)
        .err(&["hex, dec"]);
}
