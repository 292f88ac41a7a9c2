//! The hub's client against a small server on the loopback.

mod answers;
mod checks;
mod house;
mod models;
mod server;
mod transfers;
