//! One figure, one source: what `run`, `vm`, `stat`, `translate` and `machines` say of the same thing is
//! the same.

use super::harness::Sandbox;

fn column(sandbox: &Sandbox, name: &str) -> String {
    sandbox.column("out/results.csv", name).remove(0)
}

/// The number behind a word of a text.
fn behind<'t>(text: &'t str, word: &str) -> &'t str {
    let (_, rest) = text
        .split_once(word)
        .unwrap_or_else(|| panic!("{word}: {text}"));
    rest.split_whitespace().next().unwrap_or_default()
}

/// Two mappings of 4 KiB that lie on one page of 64 KiB, a third on the next.
#[test]
fn pages_are_counted_by_process_and_number() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "t",
        "# pagebench trace 1\nmap 10000 4096 rw-\nmap 12000 4096 rw-\nmap 20000 4096 rw-\nW 10000\nW 12000\n\
         unmap 12000 4096\nfork 2\nR 10000\n",
    );
    // By page size: mapped and touched of the processes at the end, two of each.
    for (size, mapped, untouched) in [("4KiB", 4, 2), ("64KiB", 4, 2), ("2MiB", 2, 0)] {
        let pages = format!("--page-size {size} -m 4 -q");
        sandbox
            .run(&format!("run t -p lru {pages} --no-charts --force -o out"))
            .code(0);
        assert_eq!(
            column(&sandbox, "untouched_end"),
            untouched.to_string(),
            "{size}"
        );
        sandbox.run(&format!("vm t {pages} --force -o vm")).code(0);
        let last = sandbox.rows("vm/states.csv").pop().unwrap();
        assert_eq!(last["mapped"], mapped.to_string(), "{size}");
        assert_eq!(last["untouched"], untouched.to_string(), "{size}");
        let text = sandbox.run(&format!("vm t --at end {pages}")).code(0).out;
        let totals = text
            .lines()
            .filter(|line| line.trim_start().starts_with("total"));
        let sums = totals.fold((0, 0), |(mapped, touched), line| {
            let mut fields = line
                .split_whitespace()
                .skip(1)
                .map(|n| n.parse::<u64>().unwrap());
            let mut next = || fields.next().unwrap();
            (mapped + next(), touched + next())
        });
        assert_eq!(sums, (mapped, mapped - untouched), "{size}");
    }
}

#[test]
fn levels_go_by_the_page_size() {
    let sandbox = Sandbox::new();
    sandbox.write("t", "# pagebench trace 1\nR 7f1234567000\nW 7f1200000000\n");
    for (machine, size, levels) in [
        ("champsim", "4KiB", 5),
        ("champsim", "2MiB", 4),
        ("champsim", "1GiB", 3),
        ("virtuoso", "1GiB", 2),
        ("cortex-a72", "2MiB", 3),
        ("drcachesim", "2MiB", 3),
        ("apple-m1", "32MiB", 2),
        ("zen3", "2MiB", 3),
    ] {
        let hardware = format!("--machine {machine} --page-size {size}");
        sandbox
            .run(&format!(
                "run t -p lru -m 2 {hardware} --no-charts -q --force -o out"
            ))
            .code(0);
        let by_level = column(&sandbox, "walk_refs_by_level");
        assert_eq!(
            by_level.split('/').count(),
            levels,
            "{hardware}: {by_level}"
        );
        sandbox
            .run(&format!("translate {hardware} 7f1234567abc"))
            .code(0)
            .out(&[&format!("levels={levels}")]);
    }
    // What a walk reads through the five levels that --layout names.
    sandbox
        .run("translate --layout five-level --tlb pwc=2/4/32 --page-size 2MiB 7f1234567abc")
        .code(0)
        .out(&[
            "57-bit addresses: 9 + 9 + 9 + 9 index bits, 21 offset bits",
            "pwc=2/4/32",
        ]);
    sandbox
        .run("translate --layout pae --page-size 2MiB c0201234")
        .code(0)
        .out(&["32-bit addresses: 2 + 9 index bits, 21 offset bits"]);
}

#[test]
fn slots_are_pages() {
    let sandbox = Sandbox::new();
    sandbox.write("t", "# pagebench trace 1\nW 1000\nR 2000\n");
    let less = "--swap: 32KiB are less than a page of 64KiB";
    for command in [
        "run t -p lru -m 2 --no-charts -o out",
        "vm t",
        "explain t -p lru -m 2",
    ] {
        sandbox
            .run(&format!("{command} --swap 32KiB --page-size 64KiB"))
            .code(2)
            .err(&[less]);
    }
    sandbox
        .run("run t -p lru -m 2 --no-charts --force -o out --swap 1KiB --page-size 256")
        .code(0);
    assert_eq!(column(&sandbox, "swap_limit"), "4");
}

/// Process 0 has three pages, two at a time; a child inherits two.
#[test]
fn page_tables_are_those_of_bound_pages() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "t",
        "# pagebench trace 1\nmap 10000000 4096 rw-\nmap 7f0000000000 4096 rw-\nW 10000000\nW 7f0000000000\nfork 2\n\
         exec\nmap 200000000000 4096 rw-\nW 200000000000\n",
    );
    let stat = sandbox.run("stat t").code(0).out;
    for line in [
        "process 0: at most 1 + 2 + 2 + 2 tables by level, 28KiB",
        "process 2: at most 1 + 2 + 2 + 2 tables by level, 28KiB",
        // Both at the fork, before the parent's exec.
        "all 2 processes: at most 56KiB",
    ] {
        assert!(stat.contains(line), "{stat}");
    }
    let vm = sandbox.run("vm t --at end -m 4").code(0).out;
    assert!(vm.contains("1 + 2 + 2 + 2 by level, 28KiB"), "{vm}");
    sandbox
        .run("stat t --page-size 2MiB")
        .code(0)
        .out(&["(a linear table: 1GiB a process)"]);
}

/// The parent's references are not among those taken; the trace is as good as before.
#[test]
fn a_fork_needs_no_reference_of_its_parent() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "t",
        "# pagebench trace 1\nI 1000\nW 2000\nfork 1\nR 2000\nswitch 1\nW 2000\nR 2000\n",
    );
    let run = |input: &str, options: &str| {
        sandbox
            .run(&format!(
                "run {input} -p lru -m 2 {options} --no-charts -q --force -o out"
            ))
            .code(0);
        ["refs", "fills", "cow_copies", "processes"].map(|name| column(&sandbox, name))
    };
    let child = run("t", "--pid 1");
    assert_eq!(child, ["2", "1", "0", "1"]);
    assert_eq!(run("t", "--skip 3"), child);
    for command in ["vm t --pid 1", "explain t --pid 1 -p lru -m 2"] {
        sandbox.run(command).code(0);
    }
    sandbox.run("convert t --pid 1 -o c.pbt").code(0);
    assert_eq!(run("c.pbt", ""), child);
    sandbox.write("begins", "# pagebench trace 1\nfork 2\nswitch 2\nR 1000\n");
    assert_eq!(run("begins", ""), ["1", "1", "0", "1"]);
}

/// A walk of four entries and one that finds three of them cached: 100 + 1000 + 80 or 20 ns.
#[test]
fn access_times_are_those_of_each_walk() {
    let sandbox = Sandbox::new();
    sandbox.write("t", "# pagebench trace 1\nR 10000\nR 11000\n");
    sandbox
        .run("run t -p lru -m 2 --tlb pwc=2/4/8 --no-charts -q -o out")
        .code(0);
    let row = sandbox.rows("out/distributions.csv").pop().unwrap();
    assert_eq!(row["metric"], "access_time");
    let values = ["min", "p50", "p90", "max", "mean"].map(|name| &*row[name]);
    assert_eq!(values, ["1120", "1120", "1180", "1180", "1150.000000000"]);
}

/// What a trace unmaps and goes on to touch was mapped again, whoever did it.
#[test]
fn inferred_mappings_survive_an_unmapping() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "t",
        "# pagebench trace 1\nW 10000\nR 11000\nR 12000\nunmap 10000 12288\nW 10000\nR 11000\n",
    );
    for (size, fills, untouched) in [("4KiB", "5", "0"), ("64KiB", "1", "0")] {
        sandbox
            .run(&format!(
                "run t -p lru -m 4 --mappings infer --page-size {size} --no-charts --force -o out"
            ))
            .code(0);
        let of = |name| column(&sandbox, name);
        assert_eq!((&*of("refs"), &*of("segfaults")), ("5", "0"), "{size}");
        assert_eq!(
            (&*of("fills"), &*of("untouched_end")),
            (fills, untouched),
            "{size}"
        );
    }
}

/// Places in a trace are positions, from 0, in every message.
#[test]
fn positions_are_those_of_the_trace() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "t",
        "# pagebench trace 1\nmap 10000 4096 rw-\nR 10000\nR 90000\nR 91000\nmap 20000 409600 rw-\nR 20000\n",
    );
    let strict = "--on-segfault skip --overcommit strict --ram 8KiB --swap none";
    sandbox
        .run(&format!("run t -p lru -m 2 {strict} --no-charts -o out"))
        .code(0)
        .err(&[
            "position 1: R of the page at 0x90000",
            "position 2: R of the page at 0x91000",
            "position 3, process 0: a mapping of 409600 bytes",
            "position 3: R of the page at 0x20000",
        ]);
    let manifest = sandbox.text("out/manifest.json");
    assert_eq!(behind(&manifest, "\"page\":"), "\"0x90000\",");
    assert_eq!(behind(&manifest, "\"position\":"), "1,");
    sandbox
        .run(&format!("vm t --at end -m 2 {strict}"))
        .code(0)
        .out(&[
            "  position  pid",
            "position 3, process 0: a mapping",
            "from 0",
        ]);
}

/// The header of every table is what `columns` lists for it.
#[test]
fn columns_lists_every_table_that_is_written() {
    let sandbox = Sandbox::with_trace();
    let run = "run t.txt -p linux,fifo -m 8,16 --windows -q -o out";
    sandbox.run(run).code(0);
    sandbox.run("curve t.txt -o curve -q").code(0);
    sandbox.run("vm t.txt -q -o vm").code(0);
    sandbox
        .run("vm t.txt -q -o map --mappings infer --model segmentation")
        .code(0);
    sandbox
        .run("check base.csv out/results.csv --accept -q")
        .code(0);
    let baseline = sandbox.text("base.csv");
    let header: Vec<&str> = baseline.lines().next().unwrap().split(',').collect();
    let faults = header.iter().position(|name| *name == "faults").unwrap();
    let other = baseline.lines().enumerate().map(|(line, text)| {
        let mut fields: Vec<String> = text.split(',').map(str::to_owned).collect();
        if line > 0 {
            fields[faults] = (fields[faults].parse::<u64>().unwrap() + 1).to_string();
        }
        fields.join(",") + "\n"
    });
    sandbox.write("base.csv", other.collect::<String>());
    sandbox
        .run("check base.csv out/results.csv --chart deltas.png -q")
        .code(0);
    let mut tables = Vec::new();
    for file in [
        "out/results.csv",
        "out/windows.csv",
        "out/vmstat.csv",
        "out/distributions.csv",
        "out/timings.csv",
        "curve/curve.csv",
        "vm/states.csv",
        "map/memory.csv",
        "deltas.csv",
    ] {
        let text = sandbox.text(file);
        let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
        let table = file.rsplit('/').next().unwrap();
        let listed = sandbox
            .run(&format!("columns {table}"))
            .code(0)
            .no_message()
            .out;
        let names = listed
            .lines()
            .map(|line| line.split_whitespace().next().unwrap());
        let names: Vec<&str> = names.collect();
        // Behind the columns of vmstat.csv stand the counters that its lines name.
        let columns = match table {
            "vmstat.csv" => &names[..header.len()],
            _ => &names,
        };
        assert_eq!(columns, header, "{file}");
        sandbox.run("columns --help").code(0).out(&[table]);
        tables.push(table);
    }
    tables.sort_unstable();
    let mut all: Vec<&str> = pagebench::internals::report::tables::list::TABLES
        .iter()
        .map(|(name, _)| *name)
        .collect();
    all.sort_unstable();
    assert_eq!(tables, all);
}
