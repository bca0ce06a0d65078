//! A mix of patterns. Each reference is the next one of a part, which is drawn by weight. Every part
//! has pages of its own.

use super::{Addresses, Make, Param, Pattern, Rng, Setting, Unit, params};

pub(super) const MIX: Pattern = Pattern {
    name: "mix",
    aliases: &[],
    about: "A weighted mix of other patterns, each with pages of its own",
    params: &[Param {
        name: "of",
        unit: Unit::Text("PATTERN,…"),
        default: "zipf:weight=3,loop:weight=1",
        min: 0.0,
        max: 0.0,
        about: "The patterns, with their parameters and weight (from 1 to 1000, 1 if absent) after colons: zipf:weight=3:pages=1k:alpha=0.8,loop:pages=50; refs, writes and seed are those of the mix",
    }],
    refs: "1M",
    writes: "0",
    example: "--of zipf:weight=9:pages=5k,sequential:pages=100k --refs 1M --writes 20 -o mix.pbt",
    make: Make::Addresses(|values, setting, rng| {
        let mut mix = Mix::new(values.text("of"), setting, rng)?;
        Ok(Addresses {
            pages: mix.pages,
            next: Box::new(move |rng, _| mix.address(rng)),
        })
    }),
};

const WEIGHT: Param = Param {
    name: "weight",
    unit: Unit::Count("NUMBER"),
    default: "1",
    min: 1.0,
    max: 1000.0,
    about: "How often it is drawn, relative to the weights of the other parts",
};

struct Part {
    addresses: Addresses,
    /// References so far.
    at: u64,
    /// The first byte of its pages.
    base: u64,
    /// Draws below this number, and not below that of the previous part, select this part.
    until: u64,
}

struct Mix {
    parts: Vec<Part>,
    /// Number of pages of all parts.
    pages: u64,
    /// Sum of the weights.
    total: u64,
}

impl Mix {
    fn new(text: &str, setting: Setting, rng: &mut Rng) -> Result<Mix, String> {
        let mut all = Vec::new();
        for part in text.split(',') {
            let (pattern, values) = params::parse(part, &[WEIGHT])?;
            let weight = values.count("weight");
            all.push((pattern, values, weight));
        }
        let total: u64 = all.iter().map(|(_, _, weight)| weight).sum();
        let (mut parts, mut pages, mut until) = (Vec::new(), 0, 0);
        for (pattern, values, weight) in all {
            let (Make::Addresses(make), true) = (&pattern.make, pattern.name != MIX.name) else {
                return Err(format!("{} cannot be part of a mix", pattern.name));
            };
            // The expected number of references to this part: a sequence is stretched over them.
            let refs = u128::from(setting.refs) * u128::from(weight) / u128::from(total);
            let of_part = Setting {
                refs: (refs as u64).max(1),
                ..setting
            };
            let addresses = make(&values, of_part, rng)?;
            until += weight;
            pages += addresses.pages;
            let bytes = u128::from(pages) * u128::from(setting.page_bytes);
            if bytes > 1 << 64 {
                return Err(format!(
                    "the parts have {pages} pages of {} bytes in all, more than 64-bit addresses \
                     reach: give them fewer with pages=",
                    setting.page_bytes
                ));
            }
            let base = (pages - addresses.pages) * setting.page_bytes;
            parts.push(Part {
                addresses,
                at: 0,
                base,
                until,
            });
        }
        Ok(Mix {
            parts,
            pages,
            total,
        })
    }

    fn address(&mut self, rng: &mut Rng) -> u64 {
        let drawn = rng.below(self.total);
        let part = self.parts.iter_mut().find(|part| drawn < part.until);
        let part = part.expect("the last weight ends at the total");
        let addr = part.base + (part.addresses.next)(rng, part.at);
        part.at += 1;
        addr
    }
}
