//! What a trace, a list of policies or an experiment may take: memory by `--mem-limit`, whatever the
//! trace is read from, and numbers of combinations with the limit in the message.

use super::harness::Sandbox;

/// A text trace of 600,000 references to 3000 pages without locality: 4.8 MB in memory, and enough for
/// the cache.
fn far() -> String {
    let mut text = String::from("# pagebench trace 1\n");
    let mut state = 1u64;
    for _ in 0..600_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        text += &format!(
            "{} {:x}\n",
            ["R", "W"][(state >> 40 & 1) as usize],
            ((state >> 33) % 3000) << 12
        );
    }
    text
}

const NOTE: &str = "does not fit into memory and is replayed from its file";

#[test]
fn a_text_that_does_not_fit_is_replayed_from_a_temporary_file() {
    let sandbox = Sandbox::new();
    sandbox.write("t.txt", far());
    let sweep = "-p lru,fifo,ws -m 16,1000 --tau 700 --no-charts --force";
    sandbox
        .run(&format!("run t.txt {sweep} --no-cache -o memory"))
        .code(0)
        .err(&[]);
    let expected = sandbox.text("memory/results.csv");
    let run = format!("{sweep} --mem-limit 1MiB -o out");
    std::fs::create_dir(sandbox.path("tmp")).unwrap();
    for script in [
        format!("TMPDIR=$PWD/tmp \"$PAGEBENCH\" run t.txt {run} --no-cache"),
        format!("TMPDIR=$PWD/tmp \"$PAGEBENCH\" run t.txt {run} --cache kept"),
        // From the cache.
        format!("TMPDIR=$PWD/tmp \"$PAGEBENCH\" run t.txt {run} --cache kept"),
        format!("cat t.txt | TMPDIR=$PWD/tmp \"$PAGEBENCH\" run - {run}"),
        format!("zstd -q -c t.txt | TMPDIR=$PWD/tmp \"$PAGEBENCH\" run - {run}"),
    ] {
        if script.starts_with("zstd") && which("zstd").is_none() {
            continue;
        }
        sandbox.shell(&script).code(0).err(&[NOTE]);
        if script.contains("run t.txt") {
            assert_eq!(sandbox.text("out/results.csv"), expected, "{script}");
        }
        for column in [
            "trace_digest",
            "policy",
            "frames",
            "faults",
            "evictions_dirty",
        ] {
            let [memory, file] = ["memory", "out"]
                .map(|from| sandbox.column(&format!("{from}/results.csv"), column));
            assert_eq!(file, memory, "{script}: {column}");
        }
        assert_eq!(sandbox.files("tmp"), Vec::<String>::new(), "nothing stays");
    }
}

fn which(program: &str) -> Option<std::path::PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// References of good locality take less as bursts than one by one.
#[test]
fn a_text_that_fits_as_bursts_is_replayed_in_memory() {
    let sandbox = Sandbox::new();
    let text = format!(
        "# pagebench trace 1\n{}",
        "R 1000 8\nW 2000 8\n".repeat(150_000)
    );
    sandbox.write("t.txt", text);
    let done =
        sandbox.run("run t.txt -p lru,opt -m 1,2 --no-charts --no-cache --mem-limit 1MiB -o out");
    assert!(!done.code(0).err.contains("its file"), "it fits");
    assert_eq!(
        sandbox.column("out/results.csv", "faults"),
        ["300000", "2", "300000", "2"]
    );
}

#[test]
fn references_that_expand_take_no_more_than_allowed() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "wide.txt",
        format!("# pagebench trace 1\n{}", "R 0 1048576\n".repeat(40)),
    );
    let run = "-p lru -m 16 --no-charts --no-cache --force -o out";
    sandbox
        .run(&format!(
            "run wide.txt --page-size 64 --mem-limit 1MiB {run}"
        ))
        .code(0)
        .err(&[NOTE]);
    assert_eq!(sandbox.column("out/results.csv", "refs"), ["655360"]);
    assert_eq!(sandbox.column("out/results.csv", "faults"), ["655360"]);
    let ids = format!(
        "# pagebench trace 1\n# addressing: ids\n{}",
        "R 0 16777216\n".repeat(20)
    );
    sandbox.write("ids.txt", ids);
    sandbox
        .run(&format!("run ids.txt --mem-limit 70MiB {run}"))
        .code(3)
        .err(&["more than 573440 distinct pages, which is what --mem-limit has room for"]);
}

#[test]
fn mappings_need_the_trace_in_memory() {
    let sandbox = Sandbox::new();
    let mut text = String::from("# pagebench trace 1\nmap 0 12288000 rw-\n");
    text += far().split_once('\n').unwrap().1;
    sandbox.write("m.txt", text);
    sandbox
        .run("run m.txt -p lru -m 16 --no-charts --no-cache --mem-limit 1MiB -o out")
        .code(3)
        .err(&[
            "m.txt: needs 4.6MiB of memory (--mem-limit is 1MiB)",
            "events of address spaces",
        ]);
    assert!(!sandbox.exists("out"));
}

fn values(number: usize) -> String {
    let all: Vec<String> = (1..=number).map(|n| format!("0.{n:03}")).collect();
    all.join(",")
}

#[test]
fn combinations_have_a_limit_that_the_message_names() {
    let sandbox = Sandbox::with_trace();
    let all = values(999);
    sandbox
        .run(&format!("run t.txt -p 2q:kin={all}:kout={all} -m 8 -o out"))
        .code(2)
        .err(&["stands for 998001 policies: at most 10000 are allowed"]);
    let list = format!("[{}]", all.replace(',', ", "));
    let policies = format!("policy = {{ name = \"2q\", kin = {list}, kout = {list} }}");
    let trace = "[[trace]]\npath = \"t.txt\"\n";
    sandbox.write("many.toml", format!("schema = 1\n{policies}\n{trace}"));
    sandbox.run("run -f many.toml -o out").code(2).err(&[
        "many.toml",
        "stands for 998001 policies: at most 10000 are allowed",
    ]);
    let seeds: Vec<String> = (0..4000).map(|seed| seed.to_string()).collect();
    sandbox
        .run(&format!(
            "run t.txt -p random -m 1..295:+1 --seed {} -o out",
            seeds.join(",")
        ))
        .code(2)
        .err(&["give more than 1000000 cells"]);
    let excludes = "[[exclude]]\nframes = \"8\"\n".repeat(1001);
    sandbox.write(
        "out.toml",
        format!("schema = 1\nframes = \"8,16\"\n{trace}{excludes}"),
    );
    sandbox
        .run("run -f out.toml -p lru -o out")
        .code(2)
        .err(&["out.toml:", "1001 excludes: at most 1000 are allowed"]);
    assert!(!sandbox.exists("out"));
}
