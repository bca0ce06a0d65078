//! The plain format, read line by line. Knows nothing of what the lines mean.

/// Pages are of 4 KiB.
pub const PAGE: u64 = 4096;

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Fetch,
    Read,
    Write,
}

/// Whether data may be read, written and executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    pub read: bool,
    pub write: bool,
    pub execute: bool,
}

impl Rights {
    pub fn allow(self, kind: Kind) -> bool {
        match kind {
            Kind::Fetch => self.execute,
            Kind::Read => self.read,
            Kind::Write => self.write,
        }
    }
}

/// A `map` line; addresses and lengths in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map {
    pub start: u64,
    pub length: u64,
    pub rights: Rights,
    pub shared: bool,
    pub fixed: bool,
    pub grows_down: bool,
    pub swap_backed: bool,
    /// Number, offset, length of the file.
    pub file: Option<(u32, u64, u64)>,
}

/// A `move` line; addresses and lengths in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    pub old_start: u64,
    pub old_length: u64,
    pub new_start: u64,
    pub new_length: u64,
    pub fixed: bool,
    pub keep: bool,
}

/// A line of a trace, less its comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Switch(u32),
    Access {
        kind: Kind,
        address: u64,
        size: u64,
    },
    Map(Map),
    Unmap {
        start: u64,
        length: u64,
    },
    Protect {
        start: u64,
        length: u64,
        rights: Rights,
    },
    Advise {
        start: u64,
        length: u64,
        needed: bool,
    },
    Move(Move),
    Populate {
        start: u64,
        length: u64,
        write: bool,
    },
    Brk {
        end: u64,
    },
    /// `read` or `write`.
    Io {
        file: u32,
        offset: u64,
        length: u64,
        write: bool,
    },
    Length {
        file: u32,
        bytes: u64,
    },
    Unlink {
        file: u32,
    },
    Fork {
        child: u32,
    },
    Vfork {
        child: u32,
    },
    Exec,
    Exit,
}

/// Panics if a line is not of the format: the tests write only good ones.
pub fn parse(text: &str) -> Vec<Line> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|line| one(line).unwrap_or_else(|| panic!("not a line of the format: {line}")))
        .collect()
}

fn one(line: &str) -> Option<Line> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let hex = |at: usize| u64::from_str_radix(words.get(at)?.trim_start_matches("0x"), 16).ok();
    let dec = |at: usize| words.get(at)?.parse::<u64>().ok();
    let id = |at: usize| words.get(at)?.parse::<u32>().ok();
    let access = |kind| {
        let size = if words.len() > 2 { dec(2)? } else { 1 };
        Some(Line::Access {
            kind,
            address: hex(1)?,
            size,
        })
    };
    let io = |write| {
        Some(Line::Io {
            file: id(1)?,
            offset: dec(2)?,
            length: dec(3)?,
            write,
        })
    };
    Some(match words[0] {
        "I" => access(Kind::Fetch)?,
        "R" => access(Kind::Read)?,
        "W" => access(Kind::Write)?,
        "switch" => Line::Switch(id(1)?),
        "map" => Line::Map(map(&words, hex(1)?, dec(2)?)?),
        "unmap" => Line::Unmap {
            start: hex(1)?,
            length: dec(2)?,
        },
        "protect" => Line::Protect {
            start: hex(1)?,
            length: dec(2)?,
            rights: rights(words.get(3)?)?,
        },
        "advise" => Line::Advise {
            start: hex(1)?,
            length: dec(2)?,
            needed: *words.get(3)? == "willneed",
        },
        "move" => Line::Move(Move {
            old_start: hex(1)?,
            old_length: dec(2)?,
            new_start: hex(3)?,
            new_length: dec(4)?,
            fixed: words[5..].contains(&"fixed"),
            keep: words[5..].contains(&"keep"),
        }),
        "populate" => Line::Populate {
            start: hex(1)?,
            length: dec(2)?,
            write: *words.get(3)? == "write",
        },
        "brk" => Line::Brk { end: hex(1)? },
        "read" => io(false)?,
        "write" => io(true)?,
        "length" => Line::Length {
            file: id(1)?,
            bytes: dec(2)?,
        },
        "unlink" => Line::Unlink { file: id(1)? },
        "fork" => Line::Fork { child: id(1)? },
        "vfork" => Line::Vfork { child: id(1)? },
        "exec" => Line::Exec,
        "exit" => Line::Exit,
        _ => return None,
    })
}

fn rights(text: &str) -> Option<Rights> {
    let letter = |at: usize, letter: char| text.chars().nth(at) == Some(letter);
    (text.len() == 3).then(|| Rights {
        read: letter(0, 'r'),
        write: letter(1, 'w'),
        execute: letter(2, 'x'),
    })
}

fn map(words: &[&str], start: u64, length: u64) -> Option<Map> {
    let mut map = Map {
        start,
        length,
        rights: rights(words.get(3)?)?,
        shared: false,
        fixed: false,
        grows_down: false,
        swap_backed: false,
        file: None,
    };
    for word in &words[4..] {
        match *word {
            "shared" => map.shared = true,
            "fixed" => map.fixed = true,
            "grows-down" => map.grows_down = true,
            "swap-backed" => map.swap_backed = true,
            word if word.starts_with("file=") => {
                let numbers: Vec<u64> = word[5..]
                    .split(',')
                    .map(|n| n.parse().ok())
                    .collect::<Option<_>>()?;
                map.file = Some((numbers[0] as u32, numbers[1], numbers[2]));
            }
            word if word.starts_with("name=") || word.starts_with("page-size=") => {}
            _ => return None,
        }
    }
    Some(map)
}
