//! Lists that were typed with blanks in place of commas: `-p fifo lru opt`. Looked for before the
//! command line is parsed, which would take the rest of the list for traces.

use crate::policy::choice_list::parse_list;
use crate::units::Printable;
use clap::Command;
use std::ffi::OsString;
use std::path::Path;

/// Returns what to type if `given`, the command line with the program's name first, has policies with
/// blanks between them. A word that is a file is a trace.
pub fn blanks_for_commas(command: &Command, given: &[OsString]) -> Option<String> {
    let words: Vec<&str> = given
        .iter()
        .map(|word| word.to_str().unwrap_or(""))
        .collect();
    let mut after = words.iter().skip(1);
    let subcommand = after.find(|word| !word.starts_with('-'))?;
    let subcommand = command.find_subcommand(subcommand)?;
    if !subcommand
        .get_arguments()
        .any(|arg| arg.get_long() == Some("policy"))
    {
        return None;
    }
    let end = words.iter().position(|&word| word == "--");
    let words = &words[..end.unwrap_or(words.len())];
    for (at, &word) in words.iter().enumerate() {
        let (first, rest) = match word {
            "-p" | "--policy" => (*words.get(at + 1)?, &words[at + 2..]),
            _ => match word.strip_prefix("--policy=").or(word.strip_prefix("-p")) {
                Some(first) if !word.starts_with("--p") || word.contains('=') => {
                    (first, &words[at + 1..])
                }
                _ => continue,
            },
        };
        let more: Vec<&str> = rest
            .iter()
            .copied()
            .take_while(|word| is_policy(word))
            .collect();
        if more.is_empty() {
            continue;
        }
        let list: Vec<&str> = [first]
            .into_iter()
            .chain(more.iter().copied())
            .map(|text| text.trim_matches(','))
            .filter(|text| !text.is_empty())
            .collect();
        return Some(format!(
            "-p {} {}: {:?} is a policy, and no file of that name is here; write policies with \
             commas: -p {}",
            first.printed(),
            more.join(" "),
            more[0],
            list.join(",").printed()
        ));
    }
    None
}

/// Returns whether a word that stands where traces stand is a policy.
fn is_policy(word: &str) -> bool {
    let text = word.trim_matches(',');
    let is_word = !text.is_empty() && !word.starts_with('-');
    is_word && !Path::new(word).exists() && parse_list(text).is_ok()
}
