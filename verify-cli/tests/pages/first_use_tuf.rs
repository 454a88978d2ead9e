//! docs/first-use-tuf.md. The server is the Python Package Index, which hands out `tuf`.

use crate::common::User;
use crate::pages::{Page, Terminal};
use crate::servers::shown;
use std::path::Path;

const PAGE: &str = "docs/first-use-tuf.md";
const VERIFIES: &str = "Who verifies: where it lies, and whose keys count";

#[test]
fn the_page() {
    let (page, user) = (Page::read(PAGE), User::new());
    // Kept from run to run beside the build: what is installed already is not fetched again.
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-use-tuf");
    let terminal = Terminal::new(&user).name("tuf-venv", shown(&venv)).name("/srv", shown(&user.path("srv")));
    user.write("work/publish.py", page.only("The publisher", "python"));
    page.run("The publisher", &terminal);
    terminal.configure(&page.only(VERIFIES, "toml"), "");
    for heading in [VERIFIES, "In a deploy script", "A file that was changed", "The next version, and the way back"] {
        page.run(heading, &terminal);
    }
    page.is_done();
}
