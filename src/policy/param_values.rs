//! The values that are given to the parameters of a policy.

use super::params::MILLION;
use super::spec::Spec;

/// Keys and values of parameters, by key.
pub(super) type Given = Vec<(&'static str, u64)>;

/// Values of the parameters of one policy, those not given left at their defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Params {
    /// Key and value of those that differ from their default, by key.
    pub(super) given: Given,
}

impl Params {
    /// Returns the value of the parameter `name`; `None` if it is off.
    ///
    /// # Panics
    /// If `spec` has no such parameter.
    pub fn get(&self, spec: &Spec, name: &str) -> Option<u64> {
        let param = spec.param(name);
        let param = param.unwrap_or_else(|| panic!("{} has no parameter {name}", spec.name));
        self.given
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value)
            .or(param.default)
    }

    /// Returns the value of the parameter `name`; `None` if it is off or `spec` has no such
    /// parameter.
    pub fn get_if_any(&self, spec: &Spec, name: &str) -> Option<u64> {
        self.get(spec, spec.param(name)?.name)
    }

    /// Returns the value of the parameter `name`, which is never off.
    ///
    /// # Panics
    /// If `spec` has no such parameter, or it is off.
    pub fn of(&self, spec: &Spec, name: &str) -> u64 {
        let value = self.get(spec, name);
        value.unwrap_or_else(|| panic!("{}: {name} is off", spec.name))
    }

    /// Returns `frames` times the fraction `name`, rounded down.
    ///
    /// # Panics
    /// As for [`Params::of`].
    pub fn share(&self, spec: &Spec, name: &str, frames: u32) -> u32 {
        let share = self.part(spec, name, u64::from(frames));
        u32::try_from(share).unwrap_or(u32::MAX)
    }

    /// Returns `of` times the fraction `name`, rounded down.
    ///
    /// # Panics
    /// As for [`Params::of`].
    pub fn part(&self, spec: &Spec, name: &str, of: u64) -> u64 {
        let part = u128::from(of) * u128::from(self.of(spec, name)) / u128::from(MILLION);
        u64::try_from(part).unwrap_or(u64::MAX)
    }
}
