use super::*;

fn read(text: &str) -> Result<Option<Event>, Fault> {
    parse(text.as_bytes(), Addressing::Bytes)
}

#[test]
fn what_is_read_is_written_again() {
    for text in [
        "map 400000 4096 r-x",
        "map 0 1 --- shared fixed grows-down file=4294967295,18446744073709551614,0 \
         page-size=2MiB name=[stack]",
        "map ffffffffffffffff 1 rw- name=/usr/lib/libc.so.6=ä",
        "map 7f0000000000 4096 rw- page-size=64B",
        "unmap 1000 18446744073709547520",
        "protect 1000 4096 r--",
        "brk ffffffffffffffff",
        "advise 1000 4096 willneed",
        "advise 1000 4096 dontneed",
        "map 1000 4096 rw- shared swap-backed file=3,0,8192",
        "move 1000 4096 ffffffffffffffff 1",
        "move 0 18446744073709551615 1000 8192 fixed keep",
        "populate 1000 4096 read",
        "populate 1000 1 write",
        "read 4294967295 0 18446744073709551615",
        "write 0 18446744073709551615 1",
        "length 7 0",
        "length 7 18446744073709551615",
        "unlink 0",
        "fork 4294967295",
        "vfork 4294967295",
        "exec",
        "exit",
    ] {
        assert_eq!(read(text).unwrap().unwrap().to_string(), text);
    }
}

#[test]
fn attributes_stand_in_any_order_and_numbers_in_any_form() {
    let got = read("\tmap  0x1F000 0010 rwx name=a shared  page-size=2097152 file=7,00,5 fixed ");
    let Some(Event::Map(mapping)) = got.unwrap() else {
        panic!("no mapping");
    };
    assert_eq!((mapping.start, mapping.length), (0x1f000, 10));
    assert!(mapping.shared && mapping.fixed && !mapping.grows_down);
    assert_eq!(mapping.page_size, PageSize::from_shift(21));
    let file = Backing::File {
        file: 7,
        offset: 0,
        length: 5,
    };
    assert_eq!((mapping.backing, &*mapping.name), (file, "a"));
}

#[test]
fn a_name_from_elsewhere_is_written_as_one_word() {
    let Some(Event::Map(mut mapping)) = read("map 0 1 rw-").unwrap() else {
        panic!("no mapping");
    };
    mapping.name = "my file\n(deleted)".into();
    let text = Event::Map(mapping).to_string();
    assert_eq!(text, "map 0 1 rw- name=my_file_(deleted)");
}

#[test]
fn what_is_wrong_is_said() {
    for (text, what) in [
        ("map", "the start is missing: map START LENGTH PROT"),
        ("map 1g", "the start is not hexadecimal"),
        ("map 11112222333344445", "the start is over 64 bits"),
        ("map 0", "the length is missing"),
        ("map 0 1f", "the length is not a decimal number"),
        ("map 0 18446744073709551616", "the length is over 64 bits"),
        ("map 0 0 rwx", "the length is 0; the least is 1"),
        (
            "map ffffffffffffffff 2 rwx",
            "runs past the end of the 64-bit",
        ),
        ("map 0 1", "the protection is missing"),
        ("map 0 1 rw", "the protection `rw` is not rwx"),
        ("map 0 1 wrx", "the protection `wrx`"),
        (
            "map 0 1 rwx shred",
            "unknown attribute `shred` of a mapping",
        ),
        ("map 0 1 rwx shared=1", "unknown attribute `shared=1`"),
        ("map 0 1 rwx file", "unknown attribute `file`"),
        ("map 0 1 rwx fixed fixed", "`fixed` is given twice"),
        ("map 0 1 rwx name=a name=b", "`name=` is given twice"),
        ("map 0 1 rwx file=1,2", "`file=` takes ID,OFFSET,LENGTH"),
        ("map 0 1 rwx file=1,2,x", "`file=` takes ID,OFFSET,LENGTH"),
        ("map 0 1 rwx file=1,2,3,4", "and no more"),
        ("map 0 1 rwx file=4294967296,0,1", "the file's id is over"),
        (
            "map 0 2 rwx file=1,18446744073709551615,1",
            "the last byte that a file",
        ),
        (
            "map 0 1 rwx page-size=3",
            "page-size=: page size \"3\" is not a power of two",
        ),
        ("map 0 1 rwx page-size=", "page-size=: "),
        ("map 0 1 rwx name=", "`name=` has no text"),
        ("map 0 1 rwx name=a\u{7f}", "a control character"),
        ("unmap 0 1 r", "unexpected `r`; the event is written: unmap"),
        ("unmap 0 0", "the length is 0"),
        ("protect 0 1", "the protection is missing: protect"),
        (
            "map 0 1 rwx swap-backed",
            "`swap-backed` without `file=`; memory without",
        ),
        ("move 0 1 1000", "the length is missing: move OLD-START"),
        ("move 0 0 1000 1", "the length is 0; the least is 1"),
        ("move 0 1 1000 0", "the length is 0; the least is 1"),
        ("move 0 1 ffffffffffffffff 2", "runs past the end of the 64"),
        ("move 0 1 x 1", "the start is not hexadecimal"),
        ("move 0 1 1000 1 kept", "unknown attribute `kept` of a move"),
        ("move 0 1 1000 1 keep fixed keep", "`keep` is given twice"),
        ("populate 0 1", "the access is missing: populate START"),
        (
            "populate 0 1 execute",
            "`execute` is neither read nor write",
        ),
        ("populate 0 0 read", "the length is 0"),
        ("read 1 2", "the length is missing: read FILE OFFSET LENGTH"),
        ("read 4294967296 0 1", "the file's id is over 4294967295"),
        ("write 1 0 0", "the length is 0"),
        (
            "write 1 18446744073709551615 2",
            "the last byte that a file",
        ),
        ("write x", "the file is not a decimal number"),
        ("length 1", "the length is missing: length FILE BYTES"),
        ("length 1 0x10", "the length is not a decimal number"),
        ("unlink", "the file is missing: unlink FILE"),
        ("unlink 1 2", "unexpected `2`; the event is written: unlink"),
        ("vfork", "`vfork` takes the number of the child"),
        ("brk", "the end is missing: brk END"),
        ("brk x", "the end is not hexadecimal"),
        ("advise 0 1", "the advice is missing"),
        ("advise 0 1 random", "the advice `random` is neither"),
        ("fork", "`fork` takes the number of the child"),
        ("fork 4294967296", "`fork` takes the number of the child"),
        ("fork ff", "`fork` takes the number of the child"),
        ("fork 1 2", "unexpected `2`"),
        ("exec 1", "unexpected `1`; the event is written: exec"),
        ("exit 0", "unexpected `0`"),
    ] {
        let fault = read(text).expect_err(text);
        assert!(fault.contains(what), "{text}: {fault}");
    }
    let fault = parse(b"map 0 1 rwx name=\xff", Addressing::Bytes).unwrap_err();
    assert!(fault.contains("not UTF-8"), "{fault}");
    let long = format!("map 0 1 rwx {}", "x".repeat(1 << 20));
    assert!(read(&long).unwrap_err().len() < 200);
}

#[test]
fn ids_have_no_mappings_but_processes() {
    let ids = |text: &str| parse(text.as_bytes(), Addressing::Ids);
    for text in [
        "map 0 1 rwx",
        "unmap 0 1",
        "protect 0 1 r--",
        "brk 1",
        "advise 0 1 willneed",
        "move 0 1 1000 1",
        "populate 0 1 read",
        "read 1 0 1",
        "write 1 0 1",
        "length 1 0",
        "unlink 1",
    ] {
        let fault = ids(text).unwrap_err();
        assert!(fault.contains("in a trace of page ids"), "{text}: {fault}");
    }
    for text in ["fork 2", "vfork 2", "exec", "exit"] {
        assert_eq!(ids(text).unwrap().unwrap().to_string(), text);
    }
}

#[test]
fn other_words_are_no_events() {
    for text in ["", "R 1", "Map 0 1 rwx", "maps", "switch 1"] {
        assert_eq!(read(text), Ok(None));
    }
}

/// Every event has a text, and what is read is of the kind that its first word says.
#[test]
fn every_event_has_a_text() {
    for (name, rest) in [
        ("map", "0 1 rwx"),
        ("unmap", "0 1"),
        ("move", "0 1 1000 1"),
        ("protect", "0 1 rwx"),
        ("brk", "0"),
        ("advise", "0 1 willneed"),
        ("populate", "0 1 read"),
        ("read", "0 0 1"),
        ("write", "0 0 1"),
        ("length", "0 1"),
        ("unlink", "0"),
        ("fork", "1"),
        ("vfork", "1"),
        ("exec", ""),
        ("exit", ""),
    ] {
        let event = read(&format!("{name} {rest}")).unwrap().unwrap();
        assert_eq!(event.name(), name);
        assert!(Event::NAMES.contains(&name));
    }
    assert_eq!(Event::NAMES.len(), 15);
}
