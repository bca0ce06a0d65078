//! Pages: an access of `size` bytes at `address` touches every page that holds one of its bytes. It
//! is one reference to each of them, in address order. A format without sizes gives size 1; size 0
//! counts as 1.

use super::Ref;

/// One access to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    pub process: u32,
    pub address: u64,
    pub size: u64,
    pub write: bool,
    pub ifetch: bool,
}

/// The references that `accesses` make to pages of `page_size` bytes.
pub fn pages(accesses: &[Access], page_size: u64) -> Vec<Ref> {
    let mut refs: Vec<Ref> = Vec::new();
    for access in accesses {
        let &Access {
            process,
            address,
            size,
            write,
            ifetch,
        } = access;
        let last = address
            .checked_add(size.max(1) - 1)
            .expect("an access within 64 bits");
        for page in address / page_size..=last / page_size {
            refs.push(Ref {
                process,
                page,
                write,
                ifetch,
            });
        }
    }
    refs
}
