//! What the oracles made of lists share. A list is a `Vec` whose first element is its back (the
//! next to leave) and whose last is its front (the most recent).

use super::Page;

/// A resident page and whether it is dirty.
pub type Held = (Page, bool);

/// Takes `page` out of `list`.
pub fn take(list: &mut Vec<Held>, page: Page) -> Option<Held> {
    let index = list.iter().position(|held| held.0 == page)?;
    Some(list.remove(index))
}

/// Takes `page` out of the remembered pages `ghosts`; was it there?
pub fn forget(ghosts: &mut Vec<Page>, page: Page) -> bool {
    let before = ghosts.len();
    ghosts.retain(|ghost| *ghost != page);
    ghosts.len() < before
}

/// `ppm` millionths of `frames`, rounded down.
pub fn share(frames: usize, ppm: u64) -> usize {
    (frames as u64 * ppm / 1_000_000) as usize
}
