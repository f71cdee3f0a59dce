//! A bank: accounts, and transfers between them that may be rejected.
//!
//! [`account`] is the aggregate with what its owner does; [`transfer`] adds what two accounts do with each other. Both
//! modules declare commands and events of one aggregate, and nothing lists them anywhere. Amounts are whole cents.

pub mod account;
pub mod rejections;
pub mod transfer;
