//! Prefetching. It changes no result: on processors other than x86-64 it does nothing.

/// Prefetches the cache line in which `elements[index]` begins, if there is such an element.
#[inline(always)]
pub fn prefetch<T>(elements: &[T], index: usize) {
    if let Some(element) = elements.get(index) {
        load(element);
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn load<T>(element: &T) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: prefetching has no effect that the program can observe, and every x86-64 has it.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(element).cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
fn load<T>(_element: &T) {}

#[cfg(test)]
mod tests {
    #[test]
    fn any_index_may_be_prefetched() {
        let elements = [1u64, 2, 3];
        for index in [0, 2, 3, usize::MAX] {
            super::prefetch(&elements, index);
        }
        super::prefetch::<u8>(&[], 0);
    }
}
