//! Changes of bytes and of text, drawn.

use pagebench::internals::trace::generate;

/// The product's generator of pseudo-random numbers: the same everywhere.
pub type Rng = generate::Rng;

/// A position below `n`.
pub fn at(random: &mut Rng, n: usize) -> usize {
    random.below(n.max(1) as u64) as usize
}

/// True in so many of a hundred cases.
pub fn percent(random: &mut Rng, percent: u64) -> bool {
    random.below(100) < percent
}

/// One of `all`, which is not empty.
pub fn one<'a, T>(random: &mut Rng, all: &'a [T]) -> &'a T {
    &all[at(random, all.len())]
}

/// Numbers at the ends of what a width holds, and round ones.
pub fn odd_number(random: &mut Rng) -> u64 {
    let bits = [0, 1, 7, 8, 15, 16, 20, 24, 27, 31, 32, 33, 48, 56, 63];
    let power = 1u64 << *one(random, &bits);
    match random.below(6) {
        0 => power - 1,
        1 => power,
        2 => power + 1,
        3 => u64::MAX - random.below(3),
        4 => random.below(70),
        _ => random.next_u64() >> random.below(64),
    }
}

/// Changes some bytes: flips, cuts, insertions, repeats, numbers in place of numbers, pieces of `other`.
pub fn bytes(random: &mut Rng, bytes: &mut Vec<u8>, other: &[u8]) {
    const MOST: usize = 1 << 16;
    for _ in 0..=random.below(4) {
        if bytes.is_empty() {
            bytes.push(random.next_u64() as u8);
        }
        let place = at(random, bytes.len());
        match random.below(12) {
            0 => bytes[place] = random.next_u64() as u8,
            1 => bytes[place] ^= 1 << random.below(8),
            2 => bytes.truncate(place),
            3 => bytes.insert(place, *one(random, b" \n,\"#0x*\t\0f9-:=[]{}\\'")),
            4 => {
                let end = place + at(random, bytes.len() - place) + 1;
                if bytes.len() + end - place <= MOST {
                    bytes.extend_from_within(place..end);
                }
            }
            5 => {
                let end = (place + at(random, 16)).min(bytes.len());
                bytes.drain(place..end);
            }
            6 if !other.is_empty() => {
                let start = at(random, other.len());
                let end = (start + at(random, 200)).min(other.len());
                bytes.splice(place..place, other[start..end].iter().copied());
            }
            7 => {
                let width = *one(random, &[2, 4, 8]);
                let number = odd_number(random).to_le_bytes();
                let end = (place + width).min(bytes.len());
                bytes[place..end].copy_from_slice(&number[..end - place]);
            }
            8 => {
                let count = at(random, 300);
                let byte = bytes[place];
                bytes.splice(place..place, std::iter::repeat_n(byte, count));
            }
            _ => number(random, bytes),
        }
    }
}

/// Puts another number in place of one that is written in digits.
fn number(random: &mut Rng, bytes: &mut Vec<u8>) {
    let from = at(random, bytes.len());
    let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let start = from + start;
    let digits = bytes[start..].iter().take_while(|b| b.is_ascii_hexdigit());
    let end = start + digits.count();
    let number = odd_number(random);
    let text = match random.below(7) {
        0 => format!("{number:x}"),
        1 => format!("-{number}"),
        2 => format!("{number}.5"),
        3 => "9".repeat(1 + at(random, 60)),
        4 => String::new(),
        5 => (*one(random, &["nan", "inf", "1e308", "-0", "0x", "1k", "1T"])).to_owned(),
        _ => number.to_string(),
    };
    bytes.splice(start..end, text.into_bytes());
}

/// Changes lines: some swapped, doubled, left out, or taken from `other`.
pub fn lines(random: &mut Rng, text: &mut Vec<u8>, other: &[u8]) {
    let split = |bytes: &[u8]| -> Vec<Vec<u8>> {
        bytes.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect()
    };
    let (mut all, others) = (split(text), split(other));
    for _ in 0..=random.below(3) {
        let place = at(random, all.len());
        match random.below(4) {
            0 => all.insert(place, one(random, &others).clone()),
            1 if all.len() > 1 => {
                all.remove(place);
            }
            2 => all.insert(place, all[place].clone()),
            _ => {
                let another = at(random, all.len());
                all.swap(place, another);
            }
        }
    }
    *text = all.join(&b'\n');
}
