//! The cache of traces: never another result, never a failure, never what is out of date.

use super::harness::Sandbox;

/// With `big.lackey`, over 4 MiB, of which nothing is written in a hurry: pages come and go.
fn with_large_trace() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("big.lackey", text(0));
    sandbox
}

fn text(salt: u64) -> String {
    let mut text = String::new();
    let mut state = 7 + salt;
    for _ in 0..350_000 {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let kind = ["I ", " L", " S", " M"][(state >> 60) as usize % 4];
        let page = 0x400 + (state >> 40) % [16, 300][(state >> 50) as usize % 2];
        let offset = (state >> 20) & 0xfff;
        text.push_str(&format!("{kind} {:08x},{}\n", page << 12 | offset, 4));
    }
    text
}

/// A run with this cache option; what it says, and its results.
fn run(sandbox: &Sandbox, trace: &str, options: &str) -> (String, Vec<u8>) {
    let done = sandbox.run(&format!(
        "run {trace} -p lru,fifo -m 16,64 --no-charts -o out --force --progress never {options}"
    ));
    let done = done.code(0);
    (done.err, sandbox.read("out/results.csv"))
}

const HIT: &str = "taken from the cache";

#[test]
fn the_second_time_is_from_the_cache_with_the_same_results() {
    let sandbox = with_large_trace();
    let (said, plain) = run(&sandbox, "big.lackey", "--no-cache");
    assert!(!said.contains("cache"), "{said}");
    let (said, first) = run(&sandbox, "big.lackey", "--cache kept");
    assert!(!said.contains("cache"), "{said}");
    assert_eq!(sandbox.files("kept").len(), 1);
    let (said, second) = run(&sandbox, "big.lackey", "--cache kept");
    assert!(said.contains(HIT), "{said}");
    assert!(plain == first && first == second);
    // stat and check have it too, and no name or time counts.
    std::fs::copy(sandbox.path("big.lackey"), sandbox.path("other.txt")).unwrap();
    let plain = sandbox.run("stat other.txt --no-cache").code(0).out;
    let kept = sandbox.run("stat other.txt --cache kept");
    let kept = kept.code(0).err(&[HIT]);
    assert_eq!(kept.out, plain);
    sandbox
        .run("check b.csv big.lackey --accept -p lru -m 16 --cache kept")
        .code(0)
        .err(&[HIT]);
    assert_eq!(sandbox.files("kept").len(), 1);
}

#[test]
fn another_reading_or_content_is_another_trace() {
    let sandbox = with_large_trace();
    let (_, before) = run(&sandbox, "big.lackey", "--cache kept");
    for options in ["--page-size 8KiB", "--skip-bad", "--kind sampled"] {
        let (said, results) = run(&sandbox, "big.lackey", &format!("--cache kept {options}"));
        assert!(!said.contains(HIT), "{options}: {said}");
        let plain = run(&sandbox, "big.lackey", &format!("--no-cache {options}")).1;
        assert!(results == plain, "{options}");
    }
    assert_eq!(sandbox.files("kept").len(), 4);
    // A part is neither kept nor taken from what is kept.
    let (said, _) = run(&sandbox, "big.lackey", "--cache kept --limit 1000");
    assert!(!said.contains(HIT), "{said}");
    sandbox.write("big.lackey", text(1));
    let (said, after) = run(&sandbox, "big.lackey", "--cache kept");
    assert!(!said.contains(HIT) && before != after, "{said}");
    assert_eq!(sandbox.files("kept").len(), 5);
}

#[test]
fn a_damaged_trace_is_replaced() {
    let sandbox = with_large_trace();
    let (_, before) = run(&sandbox, "big.lackey", "--cache kept");
    let name = format!("kept/{}", sandbox.files("kept")[0]);
    let whole = sandbox.read(&name);
    for cut in [0, 3, 100, whole.len() / 2, whole.len() - 1] {
        sandbox.write(&name, &whole[..cut]);
        let (said, results) = run(&sandbox, "big.lackey", "--cache kept");
        assert!(
            said.contains("is not used, but replaced: "),
            "{cut}: {said}"
        );
        assert!(!said.contains(HIT) && results == before, "{said}");
        assert!(sandbox.read(&name) == whole);
    }
    let mut damaged = whole.clone();
    damaged[whole.len() / 3] ^= 1;
    sandbox.write(&name, &damaged);
    assert!(run(&sandbox, "big.lackey", "--cache kept").1 == before);
    assert!(run(&sandbox, "big.lackey", "--cache kept").0.contains(HIT));
    assert_eq!(sandbox.files("kept").len(), 1);
}

#[test]
fn a_folder_that_takes_nothing_is_no_failure() {
    let sandbox = with_large_trace();
    // A file where the folder should be holds for any user.
    sandbox.write("file", "");
    let (said, _) = run(&sandbox, "big.lackey", "--cache file/kept");
    assert!(said.contains("not kept in the cache in "), "{said}");
    let (said, _) = run(&sandbox, "big.lackey", "--cache file/kept --quiet");
    assert_eq!(said, "");
}

#[test]
fn small_files_pipes_and_stored_traces_are_not_kept() {
    let sandbox = Sandbox::with_trace();
    run(&sandbox, "t.txt", "--cache kept");
    sandbox.run("convert t.txt -o t.pbt").code(0);
    run(&sandbox, "t.pbt", "--cache kept");
    assert!(!sandbox.exists("kept"));
    sandbox
        .run("run t.txt --cache kept --no-cache")
        .code(2)
        .err(&["--no-cache"]);
}

/// A pipe in the place of an entry is neither read nor written: both would wait without end.
#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_left_alone() {
    let sandbox = with_large_trace();
    let (_, before) = run(&sandbox, "big.lackey", "--cache kept");
    let name = sandbox.files("kept")[0].clone();
    sandbox
        .shell(&format!("rm kept/{name} && mkfifo kept/{name}"))
        .code(0);
    let done = sandbox.shell(
        "timeout 100 $PAGEBENCH run big.lackey -p lru,fifo -m 16,64 --no-charts -o out --force \
         --progress never --cache kept",
    );
    done.code(0)
        .err(&[&format!("{name} is not used: no regular file")]);
    assert!(sandbox.read("out/results.csv") == before);
    sandbox.shell(&format!("test -p kept/{name}")).code(0);
    assert_eq!(sandbox.files("kept"), [name]);
}

/// While one process keeps a trace, others read the file and keep nothing, and none leaves anything.
#[test]
fn two_processes_keep_one_entry() {
    let sandbox = with_large_trace();
    let children = [0, 1, 2].map(|n| {
        sandbox.spawn(&format!(
            "run big.lackey -p lru -m 16 --no-charts -q -o out{n} --cache kept"
        ))
    });
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(
        sandbox.files("kept").len(),
        1,
        "{:?}",
        sandbox.files("kept")
    );
    assert!(run(&sandbox, "big.lackey", "--cache kept").0.contains(HIT));
    let [a, b] = ["out0", "out1"].map(|out| sandbox.read(&format!("{out}/results.csv")));
    assert!(a == b);
}
