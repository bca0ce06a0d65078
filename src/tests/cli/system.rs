//! What the system refuses: files over a limit, threads, descriptors.
#![cfg(unix)]

use super::harness::Sandbox;

/// A stack of this size cannot be mapped: no thread can be started.
const NO_THREADS: &str = "RUST_MIN_STACK=1125899906842624";

#[test]
fn a_file_over_the_limit_is_an_error_with_its_name() {
    let sandbox = Sandbox::with_trace();
    sandbox.run("convert t.txt -o t.pbt").code(0);
    sandbox
        .run("run t.txt -p lru,fifo -m 8..64:+1 --no-charts -o r")
        .code(0);
    for (args, file) in [
        ("run t.txt -p lru,fifo -m 8..64:+1 -o out", "out/"),
        ("convert t.txt -o u.txt", "u.txt"),
        ("convert t.txt -o u.pbt", "u.pbt"),
        ("gen uniform --pages 5000 --refs 50k -o g.pbt", "g.pbt"),
        ("interleave t.txt t.pbt -o i.pbt", "i.pbt"),
        ("curve t.txt -p lru -o c", "c/"),
        ("vm t.txt -m 8 -o v", "v/"),
        (
            "check b.csv t.txt -p lru,fifo -m 8..64:+1 --accept",
            "b.csv",
        ),
        ("merge r -o m", "m/"),
        ("plot r -o p", "p/"),
        (
            "run t.txt -p lru -m 8 --write-misses w -o out2 --no-charts",
            "",
        ),
    ] {
        let before = sandbox.files(".");
        // Blocks of 512 bytes, of 1024 in some shells.
        let done = sandbox.shell(&format!("ulimit -f 2; exec \"$PAGEBENCH\" {args}"));
        let done = done.code(1).err(&[file, "File too large"]);
        assert!(!done.err.contains(".tmp"), "{}", done.err);
        for name in sandbox.files(".") {
            let made = sandbox.path(&name);
            assert!(
                before.contains(&name) || made.is_dir(),
                "{args} left {name}"
            );
            if made.is_dir() {
                let hidden = sandbox
                    .files(&name)
                    .into_iter()
                    .find(|file| file.starts_with('.'));
                assert_eq!(hidden, None, "{args}");
            }
        }
    }
    sandbox
        .shell("ulimit -f 2; \"$PAGEBENCH\" convert t.txt -o - > u.txt")
        .code(1)
        .err(&["error: cannot write to standard output: File too large"]);
}

#[test]
fn without_threads_the_same_bytes_are_written() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("gen zipf --pages 3000 --refs 300k --writes 20 -o z.pbt")
        .code(0);
    for (threads, out) in [("", "many"), (NO_THREADS, "none")] {
        for (args, code) in [
            (
                "run z.pbt t.txt -p lru,opt,clock,ws -m 8,64 --windows --svg -j4 -o OUT/run",
                0,
            ),
            ("curve z.pbt -j4 -m 8,64 --sample 10% -o OUT/curve", 0),
            (
                "check OUT/b.csv z.pbt -p lru,opt -m 8,64 -j4 --accept --with-digests",
                0,
            ),
            ("check OUT/b.csv z.pbt", 0),
            ("convert t.txt -o OUT/c.pbt", 0),
            ("convert z.pbt -o OUT/z.txt", 0),
            ("gen zipf --pages 3000 --refs 300k -o OUT/g.pbt", 0),
            ("interleave z.pbt t.txt -o OUT/i.pbt", 0),
            ("vm z.pbt -m 64 -o OUT/vm", 0),
            ("plot OUT/run -o OUT/plot", 0),
            ("merge OUT/run -o OUT/merged", 0),
            ("stat z.pbt", 0),
            ("head t.txt", 0),
            ("explain t.txt -m 8 --count 2", 0),
            ("plan z.pbt", 0),
            ("compare OUT/run OUT/merged", 0),
        ] {
            let args = args.replace("OUT", out);
            let done = sandbox.shell(&format!("mkdir -p {out}; {threads} \"$PAGEBENCH\" {args}"));
            let done = done.code(code);
            let says = done.err.contains("threads can be started");
            assert!(!says || !threads.is_empty(), "{}", done.err);
            assert!(
                says || threads.is_empty() || !args.contains("-j4"),
                "{}",
                done.err
            );
        }
    }
    let differ = "diff -r -x manifest.json -x timings.csv -x cells.jsonl many none";
    sandbox.shell(differ).code(0);
}

/// As many threads as the user may have: none, some.
#[cfg(target_os = "linux")]
#[test]
fn a_user_without_processes_left_gets_the_same_bytes() {
    let sandbox = Sandbox::with_trace();
    let is_root = sandbox.shell("test $(id -u) = 0 && command -v setpriv && command -v prlimit");
    let run = "run t.txt -p lru,opt,clock -m 8,64 --no-charts -j4";
    sandbox.run(&format!("{run} -o all")).code(0);
    // The limit does not hold for root. Another user may not see the program, which is copied.
    let user = match is_root.out.is_empty() {
        true => "",
        false => "setpriv --reuid 54321 --regid 54321 --clear-groups",
    };
    if sandbox.shell("command -v prlimit").out.is_empty() {
        return;
    }
    sandbox
        .shell("cp \"$PAGEBENCH\" program && chmod -R a+rwX .")
        .code(0);
    for threads in if user.is_empty() {
        &[][..]
    } else {
        &[1, 2, 3, 4, 6]
    } {
        let out = format!("out{threads}");
        sandbox
            .shell(&format!(
                "{user} prlimit --nproc={threads}:{threads} ./program {run} -o {out}"
            ))
            .code(0);
        assert_eq!(
            sandbox.text(&format!("{out}/results.csv")),
            sandbox.text("all/results.csv")
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn without_descriptors_the_error_has_the_name() {
    let sandbox = Sandbox::with_trace();
    sandbox.run("convert t.txt -o t.pbt").code(0);
    let mut codes = Vec::new();
    for limit in 3..16 {
        for args in [
            "run t.pbt -p lru,opt -m 8,16 -o out --force",
            "convert t.txt -o c.pbt --force",
            "stat t.pbt",
        ] {
            let done = sandbox.shell(&format!("ulimit -n {limit}; exec \"$PAGEBENCH\" {args}"));
            // The loader itself needs one for libraries.
            let by_loader = done.err.contains("shared libraries");
            assert!(
                by_loader
                    || done.err.contains("Too many open files")
                    || !done.err.contains("error"),
                "{}",
                done.err
            );
            codes.push(by_loader || done.out.is_empty());
        }
    }
    assert!(codes.contains(&false), "some limit suffices");
}
