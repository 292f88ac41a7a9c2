//! The hub's client against a small server on the loopback.

mod answers;
mod cache;
mod checks;
mod models;
mod server;
mod transfers;
