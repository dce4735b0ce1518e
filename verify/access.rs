//! Who may do what in a cluster.

pub mod table;
