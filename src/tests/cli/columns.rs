//! Files of columns, from the shell: what is read of them, what is said of those that are not clear, and
//! that every command which the program prints works.

use super::harness::Sandbox;

const RW_COLUMN: &str = "PC,VAddr,R/W\n0x400,0x1000,W\n0x404,0x2000,R\n0x408,0x1000,W\n";
const CODES: &str = "version,time,op,size,lbn\n1,10,2a,512,700\n1,11,28,512,701\n1,12,2a,512,700\n";
const STRING_KEYS: &str =
    "0,ab:c:k1xZ,22,304,4,get,0\n0,ab:c:k2yQ,20,161,10,get,0\n1,ab:c:k1xZ,22,304,4,set,0\n";
const WEBCACHE: &str = "109 26 1\n139 3 2\n158 3 2\n159 341 2\n";
const PIDS: &str = "1\t49152\tW\n1\t49664\tR\n2\t49152\tW\n4\t512\tR\n1\t49152\tR\n3\t1024\tW\n";

/// Process (if listed), kind and place of each access, as `head` prints them.
fn listed(sandbox: &Sandbox, args: &str) -> Vec<(String, String)> {
    let out = sandbox.run(&format!("head {args}")).code(0).out;
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        (words[2].to_owned(), words[3].to_owned())
    };
    out.lines().skip(1).map(line).collect()
}

#[test]
fn files_that_say_what_they_are() {
    let sandbox = Sandbox::new();
    sandbox.write("rw.csv", RW_COLUMN);
    sandbox.write("w.txt", WEBCACHE);
    sandbox.write("keys.csv", STRING_KEYS);
    sandbox.write("codes.csv", CODES);
    sandbox.write("pids.txt", PIDS);
    for (args, wanted) in [
        ("rw.csv", "W0x1000 R0x2000 W0x1000"),
        ("w.txt", "R0x1a R0x3 R0x3 R0x155"),
        ("keys.csv", "R0x0 R0x1 W0x0"),
        (
            "keys.csv --format csv --col key=2 --col rw=6",
            "R0x0 R0x1 W0x0",
        ),
        (
            "codes.csv --col page=lbn --col rw=none",
            "R0x2bc R0x2bd R0x2bc",
        ),
        ("codes.csv --kinds 2a=write,28=read", "W0x2bc R0x2bd W0x2bc"),
        (
            "codes.csv --kinds 2a=write --other-kinds skip",
            "W0x2bc W0x2bc",
        ),
        ("codes.csv --where time=11 --other-kinds write", "W0x2bd"),
        (
            "pids.txt --col pid=1 --col addr=2 --col rw=3 --where 1=3",
            "W0x400",
        ),
    ] {
        let got = listed(&sandbox, args);
        let got: Vec<String> = got
            .iter()
            .map(|(kind, place)| format!("{kind}{place}"))
            .collect();
        assert_eq!(got.join(" "), wanted, "{args}");
    }
    sandbox
        .run("stat pids.txt --format csv --col pid=1,addr=2,rw=3")
        .code(0)
        .out(&["6"]);
}

/// Each command that a message proposes reads the file.
#[test]
fn printed_commands_work() {
    let sandbox = Sandbox::new();
    let vague = [
        ("codes.csv", CODES, 2),
        ("pids.txt", PIDS, 3),
        (
            "a name's.csv",
            "x;y;z\n1;20000;r\n2;30000;w\n3;20000;r\n",
            2,
        ),
        ("hex.txt", "7ffe10,ld\n7ffe2c,st\n401ab7,ld\n", 1),
        ("0x.txt", "0x401 0x7ffe10 ld\n0x404 0x7ffe20 st\n", 1),
        (
            "keys.txt",
            "1,alpha,hit\n2,beta,hit\n3,alpha,miss\n4,gamma,hit\n",
            1,
        ),
        (
            "head.csv",
            "Start,Offset,Verb\n10,4096,ld\n11,8192,st\n12,512,ld\n",
            2,
        ),
        ("bars.txt", "5|17|W\n6|19|R\n7|17|W\n", 2),
        ("verbs.csv", "addr,op\n0x10,peek\n0x20,poke\n", 2),
    ];
    for (name, content, least) in vague {
        sandbox.write(name, content);
        let done = sandbox.run_args(["stat", name]).code(3);
        let commands: Vec<&str> = done
            .err
            .lines()
            .filter_map(|line| Some(&line[line.find("pagebench stat ")? + 10..]))
            .collect();
        assert!(commands.len() >= least, "{name}: {}", done.err);
        for command in commands {
            let out = sandbox
                .shell(&format!("\"$PAGEBENCH\" {command}"))
                .code(0)
                .out;
            assert!(out.contains("references"), "{command}: {out}");
        }
    }
}

#[test]
fn wrong_options_are_said() {
    let sandbox = Sandbox::new();
    sandbox.write("codes.csv", CODES);
    sandbox.write("w.txt", WEBCACHE);
    sandbox.write("i.txt", "I 4000000\nL 4001000\n");
    sandbox.run("convert i.txt -o i.pbt").code(0);
    for (args, code, piece) in [
        (
            "codes.csv --kinds 2a",
            2,
            "--kinds \"2a\": write 2a=write,28=read",
        ),
        ("codes.csv --kinds 2a=reed", 2, "write 2a=write,28=read"),
        ("codes.csv --other-kinds no", 2, "read, write, ifetch, skip"),
        ("codes.csv --where op", 2, "--where \"op\": write disk=1"),
        (
            "codes.csv --delimiter ab",
            2,
            "one character, TAB or BLANKS",
        ),
        ("codes.csv --col adr=1", 3, "did you mean \"addr\"?"),
        (
            "codes.csv --where time=99 --other-kinds read",
            3,
            "leaves out all 3 lines",
        ),
        ("i.txt --where a=b", 2, "--where does not apply to page-ref"),
        (
            "i.txt --kinds a=read",
            2,
            "--kinds does not apply to page-ref",
        ),
        ("i.pbt --where a=b", 2, "--where does not apply to pbt"),
        (
            "w.txt --format webcache --kinds a=read",
            2,
            "--kinds does not apply to webcache",
        ),
    ] {
        sandbox
            .run(&format!("stat {args}"))
            .code(code)
            .err(&[piece]);
    }
}
