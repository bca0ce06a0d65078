//! The layout of an access packed into a word of 64 bits. Bits 0 to 47: the address. Bits 48 to 55:
//! the number of bytes touched, at least 1. Bits 56 to 63: the code of the kind, whose bit 1 says
//! that it writes.

/// Bits of the address.
pub const ADDR_BITS: u32 = 48;

/// The bits of the address.
pub const ADDR_MASK: u64 = (1 << ADDR_BITS) - 1;

/// The lowest bit of the number of bytes.
pub const SIZE_SHIFT: u32 = ADDR_BITS;

/// The bits of the number of bytes, shifted to the lowest place.
pub const SIZE_MASK: u64 = 0xff;

/// The lowest bit of the kind.
pub const KIND_SHIFT: u32 = SIZE_SHIFT + 8;
