//! What processors and devices are like: TLB shapes, address layouts, processor models, costs.

pub mod cost;
pub mod layout;
pub mod page_table_sizes;
pub mod processors;
pub mod tlb_shapes;
