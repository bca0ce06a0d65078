//! What a column can hold, and the names that say so. THE list of column names.

/// The content of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::trace::format) enum Role {
    /// An address or id.
    Place(Place),
    /// The kind of access.
    Kind,
    /// Number of bytes, or of consecutive ids.
    Size,
    /// The process.
    Process,
    /// How often the access of the line happens.
    Repeat,
    /// The time, which no count depends on.
    Time,
}

/// The content of a column with addresses, ids or keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::trace::format) enum Place {
    /// A byte address in the memory of a program.
    Address,
    /// A page number.
    Page,
    /// The id of a block or object of a store: a number, or text if the first values are text.
    Block,
    /// The key of an object of a store, always as text.
    Text,
}

/// Column names and their roles, each the option of `--col`, too. If several columns have one role, the
/// name listed first here wins. Case, blanks, `_` and `-` do not matter.
pub(super) const NAMES: [(&str, Role); 56] = [
    ("addr", Role::Place(Place::Address)),
    ("address", Role::Place(Place::Address)),
    ("vaddr", Role::Place(Place::Address)),
    ("vaddress", Role::Place(Place::Address)),
    ("virtaddr", Role::Place(Place::Address)),
    ("virtual_address", Role::Place(Place::Address)),
    ("virtual_addr", Role::Place(Place::Address)),
    ("memory_address", Role::Place(Place::Address)),
    ("mem_addr", Role::Place(Place::Address)),
    ("data_address", Role::Place(Place::Address)),
    ("page", Role::Place(Place::Page)),
    ("page_id", Role::Place(Place::Page)),
    ("page_number", Role::Place(Place::Page)),
    ("page_no", Role::Place(Place::Page)),
    ("vpn", Role::Place(Place::Page)),
    ("block", Role::Place(Place::Block)),
    ("block_id", Role::Place(Place::Block)),
    ("lba", Role::Place(Place::Block)),
    ("lbn", Role::Place(Place::Block)),
    ("obj_id", Role::Place(Place::Block)),
    ("object_id", Role::Place(Place::Block)),
    ("id", Role::Place(Place::Block)),
    ("key", Role::Place(Place::Block)),
    ("cache_key", Role::Place(Place::Block)),
    ("rw", Role::Kind),
    ("r/w", Role::Kind),
    ("op", Role::Kind),
    ("kind", Role::Kind),
    ("type", Role::Kind),
    ("operation", Role::Kind),
    ("opcode", Role::Kind),
    ("op_type", Role::Kind),
    ("op_name", Role::Kind),
    ("io_type", Role::Kind),
    ("access_type", Role::Kind),
    ("request_type", Role::Kind),
    ("command", Role::Kind),
    ("read/write", Role::Kind),
    ("size", Role::Size),
    ("bytes", Role::Size),
    ("len", Role::Size),
    ("length", Role::Size),
    ("pid", Role::Process),
    ("process", Role::Process),
    ("process_id", Role::Process),
    ("asid", Role::Process),
    ("op_count", Role::Repeat),
    ("repeat", Role::Repeat),
    ("repeats", Role::Repeat),
    ("time", Role::Time),
    ("timestamp", Role::Time),
    ("ts", Role::Time),
    ("op_time", Role::Time),
    ("datetime", Role::Time),
    ("cycle", Role::Time),
    ("cycles", Role::Time),
];

/// Returns the role of a column with this name in a header.
pub(super) fn role(name: &[u8]) -> Option<Role> {
    let found = NAMES.iter().find(|(known, _)| same_name(known, name));
    found.map(|&(_, role)| role)
}

/// Returns the role that `--col WORD=…` means: that of a column of this name, or `text`.
pub(super) fn role_of_option(word: &str) -> Option<Role> {
    match word.eq_ignore_ascii_case("text") {
        true => Some(Role::Place(Place::Text)),
        false => role(word.as_bytes()),
    }
}

/// Returns true if a column is named `known`. Case, blanks, `_` and `-` do not matter.
pub(super) fn same_name(known: &str, name: &[u8]) -> bool {
    let counts = |byte: &u8| !matches!(byte, b' ' | b'_' | b'-');
    let known = known.bytes().filter(counts);
    let name = name.iter().copied().filter(counts);
    known.eq(name.map(|byte| byte.to_ascii_lowercase()))
}

/// Returns the place that a role is, if it is one.
pub(super) fn place(role: Role) -> Option<Place> {
    match role {
        Role::Place(place) => Some(place),
        _ => None,
    }
}

/// Returns what the address or id of a header line is, the first in the order of [`NAMES`].
pub(super) fn named_place(header: &[Vec<u8>]) -> Option<Place> {
    let is_there = |known: &str| header.iter().any(|name| same_name(known, name));
    let mut places = NAMES
        .iter()
        .filter_map(|&(known, role)| Some((known, place(role)?)));
    places
        .find(|(known, _)| is_there(known))
        .map(|(_, place)| place)
}

/// Returns true if a header line names an address or id.
pub(super) fn names_a_place(header: &[Vec<u8>]) -> bool {
    let mut roles = header.iter().filter_map(|name| role(name));
    roles.any(|role| place(role).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_in_any_spelling() {
        for (name, wanted) in [
            ("VAddr", Some(Role::Place(Place::Address))),
            ("Virtual Address", Some(Role::Place(Place::Address))),
            ("virtual-address", Some(Role::Place(Place::Address))),
            ("LBN", Some(Role::Place(Place::Block))),
            ("objId", Some(Role::Place(Place::Block))),
            ("R/W", Some(Role::Kind)),
            ("PageID", Some(Role::Place(Place::Page))),
            // The unit of an offset is not in its name.
            ("offset", None),
            ("", None),
            ("_", None),
            ("text", None),
        ] {
            assert_eq!(role(name.as_bytes()), wanted, "{name}");
        }
        assert_eq!(role_of_option("text"), Some(Role::Place(Place::Text)));
    }

    #[test]
    fn no_name_is_listed_twice() {
        for (i, (name, _)) in NAMES.iter().enumerate() {
            let again = |(known, _): &(&str, Role)| same_name(known, name.as_bytes());
            assert!(!NAMES[..i].iter().any(again), "{name}");
        }
    }
}
