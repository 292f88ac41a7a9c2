//! The hub's client against a small server on the loopback.
#![cfg(feature = "hub")]

#[path = "hub/answers.rs"]
mod answers;
#[path = "hub/checks.rs"]
mod checks;
#[path = "hub/house.rs"]
mod house;
#[path = "hub/models.rs"]
mod models;
#[path = "hub/server.rs"]
mod server;
#[path = "hub/transfers.rs"]
mod transfers;
