//! Asks for memory that will be needed soon. Where the processor cannot be asked, nothing happens:
//! there is no result that could differ.

/// Asks for the line of the cache in which an element begins, if there is such an element.
#[inline(always)]
pub fn prefetch<T>(elements: &[T], index: usize) {
    if let Some(element) = elements.get(index) {
        ask(element);
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[expect(unsafe_code, reason = "there is no other way to ask")]
fn ask<T>(element: &T) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: prefetching reads nothing that the program could see, and every x86-64 has it.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(element).cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
fn ask<T>(_element: &T) {}

#[cfg(test)]
mod tests {
    #[test]
    fn any_index_may_be_asked_for() {
        let elements = [1u64, 2, 3];
        for index in [0, 2, 3, usize::MAX] {
            super::prefetch(&elements, index);
        }
        super::prefetch::<u8>(&[], 0);
    }
}
