//! What a box reaches and what reaches it: expected of what the chart's values promise, decided by the rendered policies.
//!
//! ```text
//! values --promise--> what must be open ------------------------------.
//! rendered NetworkPolicies --load--> object --simulate--> open, closed --+--> engine's cells
//! ```
//!
//! All of it is pure but [`live`], which asks a cluster. The promise does not look at a policy, and its addresses are named one by one with what they are, so
//! that a range that is written wrongly in the chart is not written wrongly here in the same way.

pub mod address;
pub mod live;
pub mod load;
pub mod mutation;
pub mod object;
pub mod promise;
pub mod rendered;
pub mod simulate;
pub mod traffic;
