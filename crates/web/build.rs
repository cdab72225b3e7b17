//! Makes cargo look at the built page, which `src/page.rs` embeds.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let dist = Path::new("../../ui/dist");
    // Cargo runs this script again and again if what it is told to watch does not exist.
    std::fs::create_dir_all(dist)?;
    println!("cargo::rerun-if-changed={}", dist.display());
    Ok(())
}
