# What is typed often. `just` lists it.

default:
    @just --list

# The chat on the model and index that ship
chat *arguments:
    cargo run --release -- {{arguments}}

# Every test of the workspace
test *arguments:
    cargo test {{arguments}}

# Format and lint, warnings denied
lint:
    cargo fmt
    cargo clippy --all-targets -- -D warnings

# The documentation of every crate, warnings denied
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace

# Licences, sources and known vulnerabilities of the dependencies
deny:
    cargo deny check

# Accept every changed snapshot
accept:
    INSTA_UPDATE=always cargo test -p rounds --lib

# Exact and graph search; both graph engines in one run
bench *arguments:
    cargo bench --bench vectors -- {{arguments}}

# Screenshots for the documents
screens:
    python3 docs/screens/make.py

# Everything that must pass before a change is merged
ci:
    bash .ci/run
