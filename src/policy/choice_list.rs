//! Lists of policies as they are written: `lru,clock:load-bit=0`, lists of values of a parameter
//! (`2q:kin=0.1,0.25:kout=0.5`, each combination a policy), and groups: `all`, `@textbook`.

use super::choice::PolicyChoice;
use super::params::ParamError;
use super::spec::{Family, PolicyId};
use crate::units::did_you_mean;

/// The most policies that a list may stand for.
pub const POLICIES_MAX: usize = 10_000;

/// Errors if `policies`, those that `text` stands for, are more than [`POLICIES_MAX`].
pub fn check_number(text: &str, policies: usize) -> Result<(), ParamError> {
    if policies <= POLICIES_MAX {
        return Ok(());
    }
    let short: String = text.chars().take(40).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    Err(ParamError(format!(
        "\"{short}{dots}\" stands for {policies} policies: at most {POLICIES_MAX} are allowed; list fewer \
         values of its parameters"
    )))
}

/// Returns the policies of a list; `all` and `@group` stand for those of the table at their
/// defaults.
///
/// # Errors
/// Errors if a policy is unknown or has no such parameters, or if there are more than [`POLICIES_MAX`].
pub fn parse_list(text: &str) -> Result<Vec<PolicyChoice>, ParamError> {
    let mut policies = Vec::new();
    for item in items(text) {
        match several(&item)? {
            Some(all) => policies.extend(all),
            None => {
                let number = number_of_combinations(&item);
                check_number(text, policies.len().saturating_add(number))?;
                let all = combinations(&item).into_iter();
                let all: Result<Vec<PolicyChoice>, _> = all.map(|one| one.parse()).collect();
                policies.extend(all?);
            }
        }
    }
    Ok(policies)
}

/// Returns the items of a list: a comma separates policies, unless a value follows it.
pub fn items(text: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for part in text.split(',').map(str::trim) {
        let first = part.split(':').next().unwrap_or_default();
        let is_number = first.parse::<f64>().is_ok() || crate::units::parse_count(first).is_ok();
        let is_value = is_number || items.last().is_some_and(|item| takes_word(item, first));
        match items.last_mut().filter(|_| is_value) {
            Some(item) if item.contains('=') => {
                item.push(',');
                item.push_str(part);
            }
            _ => items.push(part.to_owned()),
        }
    }
    items
}

/// Returns whether the last parameter of the policy `item` can be the word `value`.
fn takes_word(item: &str, value: &str) -> bool {
    let (Some((name, _)), Some((last, _))) = (item.split_once(':'), item.rsplit_once('=')) else {
        return false;
    };
    let key = last.rsplit(':').next().unwrap_or_default();
    let param = PolicyId::named(name.trim()).ok();
    let param = param.and_then(|id| id.spec().param(key.trim()));
    param.is_some_and(|param| param.has_word(value))
}

/// Returns the policies of an item that stands for more than one; `None` for a single policy.
fn several(item: &str) -> Result<Option<Vec<PolicyChoice>>, ParamError> {
    match item.starts_with('@') {
        true => group(item).map(|(_, family)| Some(with(|of| of == family))),
        false => Ok((item == "all").then(|| with(|_| true))),
    }
}

/// Returns the group `item`, whose name begins with `@`.
pub fn group(item: &str) -> Result<(&'static str, Family), ParamError> {
    let groups = Family::GROUPS;
    let wanted = item.trim_start_matches('@').to_lowercase();
    let found = groups.into_iter().find(|group| group.0 == wanted);
    found.ok_or_else(|| {
        let names = groups.map(|group| format!("@{}", group.0));
        let hint = did_you_mean(item, names.iter().map(String::as_str));
        ParamError(format!(
            "unknown group of policies {item:?}{hint} (there are: {})",
            names.join(", ")
        ))
    })
}

/// Returns the policies whose family `takes` accepts, at their defaults.
fn with(takes: impl Fn(Family) -> bool) -> Vec<PolicyChoice> {
    let all = PolicyId::all().filter(|id| takes(id.spec().family));
    all.map(PolicyChoice::at_defaults).collect()
}

/// Returns the number of policies of [`combinations`]; at most the largest number there is.
fn number_of_combinations(item: &str) -> usize {
    let values = |part: &str| 1 + part.bytes().filter(|&byte| byte == b',').count();
    let parts = item.split(':').skip(1).map(values);
    parts.fold(1, usize::saturating_mul)
}

/// Returns a policy for each combination of the listed values of its parameters.
fn combinations(item: &str) -> Vec<String> {
    let mut parts = item.split(':');
    let mut all = vec![parts.next().unwrap_or_default().to_owned()];
    for part in parts {
        let (key, values) = part.split_once('=').unwrap_or((part, ""));
        let pairs: Vec<String> = match values.contains(',') {
            true => values.split(',').map(|v| format!("{key}={v}")).collect(),
            false => vec![part.to_owned()],
        };
        let with_each = |policy: &String| -> Vec<String> {
            let each = pairs.iter().map(|pair| format!("{policy}:{pair}"));
            each.collect()
        };
        all = all.iter().flat_map(with_each).collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::TABLE;

    fn shown(text: &str) -> String {
        let all = parse_list(text).unwrap();
        let all: Vec<String> = all.iter().map(|choice| choice.to_string()).collect();
        all.join(" ")
    }

    #[test]
    fn lists_are_read() {
        assert_eq!(shown("lru, fifo"), "lru fifo");
        assert_eq!(
            shown("clock:load-bit=0,1,lru"),
            "clock:load-bit=0 clock lru"
        );
        assert_eq!(
            shown("clock:order=load,frame:load-bit=0,lru"),
            "clock:load-bit=0 clock:load-bit=0:order=frame lru"
        );
        assert_eq!(
            shown("ws:limit=10,2k,fifo"),
            "ws:limit=10 ws:limit=2048 fifo".replace("2048", "2000")
        );
        assert_eq!(parse_list("all").unwrap().len(), TABLE.len());
        let textbook = parse_list("@textbook").unwrap();
        assert!(textbook.iter().any(|choice| choice.spec().name == "fifo"));
        assert!(
            textbook
                .iter()
                .all(|choice| choice.spec().family == Family::Textbook)
        );
    }

    /// Policies with 101 x 101 combinations of values, less `less` of the first.
    fn many(less: usize) -> String {
        let values = |number: usize| -> String {
            let values: Vec<String> = (1..=number).map(|n| format!("0.{n:03}")).collect();
            values.join(",")
        };
        format!("2q:kin={}:kout={}", values(101 - less), values(101))
    }

    #[test]
    fn a_list_stands_for_a_bounded_number_of_policies() {
        assert_eq!(parse_list(&many(2)).unwrap().len(), 99 * 101);
        // The combinations of all of them are never made.
        let values = ["0.1"; 5000].join(",");
        let error = parse_list(&format!("2q:kin={values}:kout={values}")).unwrap_err();
        assert!(error.to_string().contains("25000000 policies"), "{error}");
        assert!(error.to_string().len() < 200, "{error}");
    }

    #[test]
    fn wrong_lists_say_what_is_right() {
        for (text, why) in [
            ("@textbok", "did you mean \"@textbook\""),
            ("lru,64", "unknown policy \"64\""),
            ("clock:load-bit=0,2", "from 0 to 1"),
            ("clock:load-bit=0,1:load-bit=0", "twice"),
            ("lru,,fifo", "unknown policy \"\""),
            (
                &*many(0),
                "stands for 10201 policies: at most 10000 are allowed",
            ),
        ] {
            let error = parse_list(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
