//! Who may do what in a cluster: expected of one table, asked of every oracle.
//!
//! ```text
//! manifests/access.toml --expectation--> what each tier may do --------------------.
//! manifests/rendered/*.yaml --load--> object --evaluate--> what the objects grant ---+--> engine's cells
//! a live API --discovery, review, call--> what the cluster answers -----------------'
//! ```
//!
//! [`object`], [`evaluate`], [`expectation`], [`universe`], [`mutation`] and [`escalation`] are pure. What speaks to an API
//! server by itself is behind the feature `live`: `discovery`, `review` and `call`; [`account`] asks one through kubectl.

pub mod account;
pub mod baseline;
#[cfg(feature = "live")]
pub mod call;
#[cfg(feature = "live")]
pub mod discovery;
pub mod escalation;
pub mod evaluate;
pub mod expectation;
pub mod form;
pub mod grid;
pub mod inventory;
#[cfg(feature = "live")]
pub mod live;
pub mod load;
pub mod manifest;
pub mod mutation;
pub mod object;
pub mod question;
pub mod release;
pub mod rendered;
#[cfg(feature = "live")]
pub mod review;
pub mod review_table;
pub mod table;
pub mod universe;
