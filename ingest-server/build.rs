//! Has the crate rebuilt when a migration is added: they are read when it is compiled.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
