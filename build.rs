//! Makes cargo look at the migrations: they are embedded, and a new file alone would not cause a new build.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
