//! Files that can be read in several ways: the program asks, with commands that work, and never
//! guesses. Files that something settles are read, and the line about them says how.

use super::harness::Sandbox;

/// The commands that a question offers, without `pagebench`.
fn commands(err: &str) -> Vec<String> {
    let lines = err.lines().map(str::trim);
    let commands = lines.filter_map(|line| line.strip_prefix("pagebench "));
    commands.map(str::to_owned).collect()
}

/// Asks about a file, and runs every command that the question offers. Returns the pages of each.
fn asked(sandbox: &Sandbox, name: &str) -> Vec<(String, u64)> {
    let done = sandbox
        .run(&format!("run {name} -p lru -m 2 -o none"))
        .code(3);
    let done = done.err(&[&format!("error: {name}: the file can be read in")]);
    assert!(!sandbox.exists("none"), "nothing is replayed");
    let commands = commands(&done.err);
    assert!((2..=3).contains(&commands.len()), "{}", done.err);
    let pages = |command: &String| {
        sandbox
            .shell(&format!(
                "\"$PAGEBENCH\" {command} -p lru -m 2 --no-charts --force -o out"
            ))
            .code(0);
        let pages = sandbox.column("out/results.csv", "distinct_pages");
        (command.clone(), pages[0].parse().unwrap())
    };
    commands.iter().map(pages).collect()
}

fn pages_with(answers: &[(String, u64)], option: &str) -> u64 {
    let found = answers.iter().find(|(command, _)| command.contains(option));
    found.unwrap_or_else(|| panic!("{option}: {answers:?}")).1
}

const ADDRESSES: [u64; 5] = [4_198_400, 4_198_404, 4_202_496, 134_514_692, 4_202_500];

/// The number of pages of 4 KiB that these addresses are on.
fn pages_of(addresses: impl IntoIterator<Item = u64>) -> u64 {
    let pages: std::collections::BTreeSet<u64> = addresses
        .into_iter()
        .map(|address| address / 4096)
        .collect();
    pages.len() as u64
}

#[test]
fn decimal_digits_with_r_and_w_are_asked_about() {
    let sandbox = Sandbox::new();
    let lines = ADDRESSES.map(|address| format!("{address} R\n"));
    sandbox.write("address-rw.txt", lines.concat());
    let answers = asked(&sandbox, "address-rw.txt");
    assert_eq!(answers.len(), 2);
    assert_eq!(pages_with(&answers, "--base dec"), pages_of(ADDRESSES));
    let hex = ADDRESSES.map(|address| u64::from_str_radix(&address.to_string(), 16).unwrap());
    assert_eq!(pages_with(&answers, "--base hex"), pages_of(hex));
    // The option alone settles it, and each command says the same.
    sandbox
        .run("stat address-rw.txt --base 10")
        .code(0)
        .out(&["addr-rw (guessed from content)"])
        .err(&["decimal byte addresses"]);
    let done = sandbox.run("convert address-rw.txt -o x.pbt").code(3);
    assert_eq!(commands(&done.err).len(), 2);
    sandbox.run("head address-rw.txt").code(3);
    sandbox.run("curve address-rw.txt -o c").code(3);
    // On a pipe, too.
    sandbox
        .run_stdin("stat -", lines.concat().as_bytes())
        .code(3)
        .err(&["pagebench run - --format addr-rw --base hex"]);
}

#[test]
fn a_list_of_byte_addresses_or_ids_is_asked_about() {
    let sandbox = Sandbox::new();
    sandbox.write("list", "16912\n62490\n30190\n16920\n62700\n");
    let answers = asked(&sandbox, "list");
    assert_eq!(pages_with(&answers, "--unit byte"), 3);
    assert_eq!(pages_with(&answers, "--unit page"), 5);
    sandbox
        .run("run list --unit sector -p lru -m 2 --no-charts -o s")
        .code(0)
        .err(&[
            "lirs (guessed from content)",
            "decimal sectors of 512 bytes",
        ]);
    let sectors = pages_of([16912, 62490, 30190, 16920, 62700].map(|sector| sector * 512));
    assert_eq!(
        sandbox.column("s/results.csv", "distinct_pages"),
        [sectors.to_string()]
    );
    // Byte addresses are those of a program, not of a disk.
    let done = sandbox
        .run("run list --unit byte -p lru -m 2 --no-charts -o b")
        .code(0);
    assert!(!done.err.contains("warning"), "{}", done.err);
    assert_eq!(sandbox.column("b/results.csv", "trace_kind"), ["full"]);
    // A name with a blank and a quote is still one word of the command.
    sandbox.write("it's a list", "16912\n62490\n");
    let done = sandbox.run_args(["stat", "it's a list"]).code(3);
    for command in commands(&done.err) {
        let command = command.replacen("run", "stat", 1);
        sandbox.shell(&format!("\"$PAGEBENCH\" {command}")).code(0);
    }
    // Small numbers, and those of a file that is named so, are ids.
    for (name, text) in [("small", "7\n0\n4095\n"), ("t.trc", "16912\n62490\n")] {
        sandbox.write(name, text);
        sandbox
            .run(&format!("stat {name}"))
            .code(0)
            .out(&["page ids", "lirs (guessed from content)"]);
    }
    // A line that contradicts what the name says: both lines are named.
    sandbox.write("hex.trc", "16912\n62490\n1f\n");
    sandbox.run("stat hex.trc").code(3).err(&[
        "hex.trc:3: the id is not a decimal number",
        "line 1 (`16912`) is read as the ending .trc says: numbers are decimal page ids",
    ]);
    sandbox.write("glued", "16912\n6249030190\n16920\n");
    sandbox.run("stat glued").code(3).err(&[
        "glued:2: the number has 10 digits",
        "a line end may be missing",
    ]);
}

#[test]
fn numbers_of_other_formats_are_never_dinero() {
    let sandbox = Sandbox::new();
    for (name, text) in [
        ("pid", "1\t49152\tW\n1\t49664\tR\n2\t49152\tW\n4\t512\tR\n"),
        (
            "ramulator",
            "3 20734016\n1 20846400\n4 20734208\n0 20734144\n2 20918976\n",
        ),
        ("webcache", "109 26 1\n139 3 2\n158 3 2\n159 341 2\n"),
        ("four", "0 4 3 1\n1 1 3 2\n2 8 3 9\n"),
    ] {
        sandbox.write(name, text);
        let done = sandbox.run(&format!("stat {name}"));
        assert!(!done.out.contains("dinero"), "{name}: {}", done.out);
        assert!(
            !commands(&done.err)
                .iter()
                .any(|command| command.contains("dinero"))
        );
    }
    // With labels 0 to 2 alone it may be dinero, in one base or the other.
    sandbox.write("labels", "0 20734016\n1 20846400\n2 20734208\n");
    let done = sandbox.run("stat labels").code(3);
    assert!(
        commands(&done.err)
            .iter()
            .any(|command| command.contains("dinero --base hex"))
    );
}

#[test]
fn dinero_is_read_by_its_ending_and_says_what_it_drops() {
    let sandbox = Sandbox::new();
    sandbox.write("t.din", "2 408\n0 1001\n4 0\n1 2002\n");
    sandbox
        .run("run t.din -p lru -m 2 --no-charts -o out")
        .code(0)
        .err(&["t.din: dinero (guessed from content), 3 references, 3 pages; hexadecimal byte addresses; 1 escape record dropped"]);
    sandbox.write("more.din", "2 408 x y\n0 1001\n");
    sandbox
        .run("stat more.din")
        .code(3)
        .err(&["nearest is dinero"]);
    sandbox
        .run("stat more.din --format dinero")
        .code(0)
        .err(&["ignores what follows the address"]);
    // What the beginning promised is not kept: the lines are errors, not guesses.
    let many = "2 408ed4\n".repeat(20_000) + "0 10 77\n";
    sandbox.write("late", many);
    sandbox.run("stat late").code(3).err(&[
        "late:20001: something follows the address",
        "line 1 (`2 408ed4`)",
    ]);
}

#[test]
fn in_a_folder_that_file_alone_fails() {
    let sandbox = Sandbox::new();
    sandbox.write("all/asks.txt", "4198400 R\n4198404 W\n");
    sandbox.write("all/good.txt", "0041f7a0 R\n13f5e2c0 W\n");
    let done = sandbox
        .run("run all -p lru -m 2 --no-charts -o out")
        .code(3);
    done.err(&[
        "error: all/asks.txt: the file can be read in 2 ways",
        "all/good.txt: addr-rw",
    ]);
    assert_eq!(sandbox.column("out/results.csv", "trace"), ["good"]);
}

#[test]
fn what_convert_writes_is_read_without_a_question() {
    let sandbox = Sandbox::new();
    // Digits 0 to 9 alone, in addresses and in ids.
    sandbox.write(
        "a.rw",
        "0x10000 R\n0x401000 W\n0x12345678 R\n0x1234567812345678 R\n",
    );
    sandbox.write("i.trc", "5\n4096\n16912\n62490\n");
    let digest = |name: &str| {
        let out = sandbox.run(&format!("stat {name} --kind full")).code(0).out;
        let line = out.lines().find(|line| line.starts_with("digest"));
        line.expect("a digest").to_owned()
    };
    for (from, formats) in [
        ("a.rw", &["plain", "csv", "lackey", "dinero", "addr-rw"][..]),
        ("i.trc", &["plain", "csv", "lirs"]),
    ] {
        for format in formats {
            sandbox
                .run(&format!(
                    "convert {from} --to {format} -o out.x --force -q --kind full"
                ))
                .code(0);
            assert_eq!(digest("out.x"), digest(from), "{from} as {format}");
        }
    }
    // A name that settles it leaves the lines as they always were.
    sandbox.run("convert i.trc -o o.trc -q").code(0);
    assert_eq!(sandbox.text("o.trc"), "5\n4096\n16912\n62490\n");
    sandbox.run("convert a.rw -o o.din -q").code(0);
    assert!(sandbox.text("o.din").starts_with("0 10000\n1 401000\n"));
    assert_eq!(digest("o.din"), digest("a.rw"));
}

#[test]
fn options_that_do_not_apply_are_refused() {
    let sandbox = Sandbox::new();
    let mut record = [0u8; 64];
    record[..8].copy_from_slice(&0x40_1000u64.to_le_bytes());
    sandbox.write("c.champsim", record);
    for option in ["--base hex", "--unit page"] {
        sandbox
            .run(&format!("stat c.champsim --format champsim {option}"))
            .code(2)
            .err(&[&format!("{option} does not apply to champsim")]);
    }
    sandbox.write("t.rw", "0x1000 R\n");
    sandbox
        .run("stat t.rw --unit 0")
        .code(2)
        .err(&["byte, page, sector"]);
    sandbox
        .run("stat t.rw --base oct")
        .code(2)
        .err(&["hex, dec"]);
    sandbox
        .run("stat t.rw --unit 4294967295 --skip 0")
        .code(3)
        .err(&["over 16777216 bytes or ends beyond 64 bits"]);
}

#[test]
fn base_and_unit_are_settings_of_an_experiment_file() {
    let sandbox = Sandbox::new();
    sandbox.write("list", "16\n17\n200\n");
    let file = "schema = 1\nbase = \"dec\"\nunit = \"sector\"\npolicy = \"lru\"\nframes = \"2\"\n\
                [[trace]]\npath = \"list\"\nformat = \"lirs\"\n";
    sandbox.write("e.toml", file);
    sandbox.run("run -f e.toml --no-charts -o out").code(0);
    let pages = pages_of([16, 17, 200].map(|sector| sector * 512));
    assert_eq!(
        sandbox.column("out/results.csv", "distinct_pages"),
        [pages.to_string()]
    );
}

#[test]
fn what_was_read_is_one_line_and_quiet_silences_it() {
    let sandbox = Sandbox::new();
    sandbox.write("t.rw", "# a title\n0x1000 R\n# a note\n0x2000 W\n");
    let run = "run t.rw -p lru -m 2 --no-charts --force -o out";
    sandbox.run(run).code(0).err(&[
        "t.rw: addr-rw (guessed from content), 2 references, 2 pages; hexadecimal byte addresses; 2 comments dropped\n",
    ]);
    sandbox.run(&format!("{run} -q")).code(0).no_message();
    sandbox
        .run("head t.rw")
        .code(0)
        .err(&["hexadecimal byte addresses; 2 comments dropped"]);
}
