//! What the tests of the actor engine share.

pub mod device;
pub mod patterns;
