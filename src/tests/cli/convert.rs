//! `convert`: to every format that can be written, what is lost on the way, and which part is taken.

use super::harness::Sandbox;

/// Two processes, fetches, reads and writes, an access to two pages, and events.
const TRACE: &str = "# pagebench trace 1\n# kind: full\n# addressing: bytes\n\
                     map 10000 12288 rw- name=data\nW 10000 8\nI 400123 3\nR 10ffc 8\n\
                     fork 2\nswitch 2\nW 10008 4\nexit\nswitch 0\nR 12000\n";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("t.txt", TRACE);
    sandbox
}

#[test]
fn the_ending_or_to_chooses_the_format() {
    let sandbox = sandbox();
    for (name, options, content) in [
        ("a.txt", "", TRACE),
        (
            "a.lackey",
            "--pid 0",
            " S 00010000,8\nI  00400123,3\n L 00010ffc,8\n L 00012000,1\n",
        ),
        (
            "a.din",
            "--pid 0",
            "1 10000\n2 400123\n0 10ffc\n0 11000\n0 12000\n",
        ),
        (
            "a.rw",
            "--pid 0",
            "0x10000 W\n0x10ffc R\n0x11000 R\n0x12000 R\n",
        ),
        (
            "a.ref",
            "--pid 0",
            "S 10000\nI 400000\nL 10000\nL 11000\nL 12000\n",
        ),
        ("a.trc", "--pid 0", "16\n1024\n16\n17\n18\n"),
        ("b.x", "--to lirs --pid 2", "16\n"),
        (
            "a.csv",
            "",
            "pid,op,addr,size\n0,write,0x10000,8\n0,ifetch,0x400123,3\n0,read,0x10ffc,8\n\
             2,write,0x10008,4\n0,read,0x12000,1\n",
        ),
    ] {
        sandbox
            .run(&format!("convert t.txt {options} -q -o {name}"))
            .code(0)
            .no_message();
        assert_eq!(sandbox.text(name), content, "{name}");
    }
    let out = sandbox
        .run("convert t.txt -q --to dinero --data-only --limit 2 -o -")
        .code(0)
        .out;
    assert_eq!(out, "1 00010000\n0 10ffc\n");
    sandbox.run("convert t.txt -q -o noending").code(0);
    assert!(sandbox.read("noending").starts_with(b"\x89PBT"));
}

#[test]
fn each_loss_is_said_once() {
    let sandbox = sandbox();
    for (name, losses) in [
        ("a.txt", &[][..]),
        (
            "a.csv",
            &["csv holds no events: 3 mappings, forks and the like left out"],
        ),
        (
            "a.rw",
            &[
                "addr-rw holds no instruction fetches: 1 left out",
                "addr-rw holds no sizes: 3 larger accesses became one byte of each page of 4KiB they touch",
                "addr-rw holds no events",
                "addr-rw does not tell processes: 2 became one",
            ],
        ),
        (
            "a.trc",
            &[
                "lirs does not tell kinds: 3 writes and fetches became reads",
                "lirs holds page numbers: addresses became those of pages of 4KiB",
                "lirs holds no events",
                "lirs does not tell processes: 2 became one",
                "lirs does not tell the kind of trace: read it with --kind full",
            ],
        ),
    ] {
        let done = sandbox
            .run(&format!("convert t.txt -o {name}"))
            .code(0)
            .err(losses);
        let warnings = done
            .err
            .lines()
            .filter(|line| line.starts_with("warning: "))
            .count();
        assert_eq!(warnings, losses.len(), "{name}: {}", done.err);
    }
}

/// A → .pbt → A keeps what A holds, and a replay of A is a replay of the .pbt.
#[test]
fn round_trips() {
    let sandbox = sandbox();
    sandbox.run("convert t.txt -q -o t.pbt").code(0);
    // Addresses became beginnings of pages; the access to two pages still is one.
    sandbox.run("convert t.pbt -q -o t2.txt").code(0);
    let pages = TRACE
        .replace("W 10000 8", "W 10000")
        .replace("I 400123 3", "I 400000")
        .replace("R 10ffc 8", "R 10fff 2")
        .replace("W 10008 4", "W 10000");
    assert_eq!(sandbox.text("t2.txt"), pages);
    sandbox.run("convert t2.txt -q --name t -o t2.pbt").code(0);
    sandbox.run("convert t2.pbt -q -o t3.txt").code(0);
    assert_eq!(sandbox.text("t3.txt"), pages);
    // Without events and processes, formats with kinds keep all that is replayed.
    sandbox
        .run("gen mix --refs 3000 --writes 30 -o g.pbt")
        .code(0);
    let run = "-p lru,opt -m 64,512 --no-charts -q --kind synthetic --force";
    sandbox.run(&format!("run g.pbt {run} -o g")).code(0);
    for ending in [
        "txt",
        "lackey",
        "din",
        "rw",
        "ref",
        "csv",
        "csv.gz",
        "lackey.zst",
    ] {
        sandbox
            .run(&format!("convert g.pbt -q -o g.{ending}"))
            .code(0);
        sandbox.run(&format!("run g.{ending} {run} -o h")).code(0);
        let rows = |out: &str| {
            ["refs", "reads", "writes", "faults", "write_backs"]
                .map(|c| sandbox.column(&format!("{out}/results.csv"), c))
        };
        assert_eq!(rows("g"), rows("h"), "{ending}");
        sandbox
            .run(&format!("convert g.{ending} -q --force -o back.pbt"))
            .code(0);
        sandbox
            .run(&format!("convert back.pbt -q -o back.{ending}"))
            .code(0);
        if ending != "txt" {
            assert!(
                sandbox.read(&format!("back.{ending}")) == sandbox.read(&format!("g.{ending}")),
                "{ending}"
            );
        }
    }
    for ending in ["trc", "oracleGeneral"] {
        sandbox
            .run(&format!("convert g.pbt -q -o g.{ending}"))
            .code(0);
        sandbox.run(&format!("run g.{ending} {run} -o h")).code(0);
        for out in ["g", "h"] {
            let faults = sandbox.column(&format!("{out}/results.csv"), "faults");
            assert_eq!(
                faults,
                sandbox.column("g/results.csv", "faults"),
                "{ending}"
            );
        }
    }
}

#[test]
fn the_next_request_is_filled_in() {
    let sandbox = Sandbox::new();
    sandbox.write("t.trc", "7\n8\n7\n7\n");
    sandbox.run("convert t.trc -q -o t.oracleGeneral").code(0);
    let bytes = sandbox.read("t.oracleGeneral");
    let next: Vec<i64> = bytes
        .chunks(24)
        .map(|record| i64::from_le_bytes(record[16..24].try_into().unwrap()))
        .collect();
    assert_eq!(next, [3, -1, 4, -1]);
    sandbox
        .run("convert t.oracleGeneral -q -o u.trc")
        .code(0)
        .no_message();
    assert_eq!(sandbox.text("u.trc"), "7\n8\n7\n7\n");
}

#[test]
fn a_sample_takes_pages_whole_and_says_so() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("convert t.txt -q --sample 30% -o s.pbt")
        .code(0);
    sandbox
        .run("convert t.txt -q --sample 0.3 -o s.txt")
        .code(0);
    sandbox.run("convert s.txt -q --name t -o s2.pbt").code(0);
    let stat = |name: &str| {
        sandbox
            .run(&format!("stat {name}"))
            .code(0)
            .out(&["sampled"])
            .out
    };
    let digest = |text: &str| {
        text.lines()
            .find(|l| l.starts_with("digest"))
            .unwrap()
            .to_owned()
    };
    assert_eq!(digest(&stat("s.pbt")), digest(&stat("s2.pbt")));
    assert!(
        sandbox
            .text("s.txt")
            .contains("# kind: sampled\n# addressing: bytes\n# a sample: 0.3 of the pages")
    );
    sandbox
        .run("run s.pbt -p lru -m 8 --no-charts -o out")
        .code(0)
        .err(&["trace kind is \"sampled\""]);
    sandbox
        .run("convert t.txt --sample 0 -o x.pbt")
        .code(2)
        .err(&["above 0 and below 1"]);
}

#[test]
fn what_cannot_be_written_is_refused_before_any_work() {
    let sandbox = sandbox();
    sandbox.write(
        "ids.txt",
        "# pagebench trace 1\n# addressing: ids\nR 18446744073709551615\n",
    );
    for (args, code, piece) in [
        (
            "t.txt --to arc -o x",
            2,
            "--to arc: this format can only be read; these can be written: pbt, plain",
        ),
        ("t.txt --to lakey -o x", 2, "did you mean \"lackey\"?"),
        (
            "t.txt -o x.din.xz",
            2,
            "files that end in .xz are read, not written",
        ),
        ("t.txt --skip 100 -o x.din", 4, "nothing selected"),
        (
            "ids.txt -o x.din",
            3,
            "page id 18446744073709551615 has no address",
        ),
        (
            "ids.txt --page-size 64KiB -o x.txt",
            3,
            "page ids, not addresses",
        ),
        ("none.txt -o x.din", 1, "none.txt: cannot open"),
    ] {
        sandbox
            .run(&format!("convert {args}"))
            .code(code)
            .err(&["error: ", piece]);
    }
    assert_eq!(
        sandbox.files("."),
        ["ids.txt", "t.txt"],
        "nothing half-written is left"
    );
}
