//! The page in a real browser: it shows its cells, explains them by keyboard, and fits a telephone.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::verification::report;

/// Looks at the report in a frame as wide as a telephone, does what a person does, and writes what it saw.
const PERSON: &str = r##"<!doctype html><meta charset="utf-8">
<iframe id="page" src="report.html" style="width:360px;height:740px;border:0"></iframe>
<pre id="seen"></pre>
<script>
const page = document.getElementById("page");
page.addEventListener("load", () => {
  const seen = [];
  const say = (what, value) => seen.push(what + "=" + value);
  const inside = page.contentDocument;
  const choose = (id, matches) => {
    const select = inside.getElementById(id);
    select.selectedIndex = [...select.options].findIndex((option) => matches(option.textContent));
    select.dispatchEvent(new Event("change"));
  };
  const rows = () => inside.querySelectorAll("#table tbody tr").length;
  say("totals", inside.getElementById("totals").textContent);
  say("fits", inside.documentElement.scrollWidth <= 360);
  choose("family", (text) => text === "network");
  choose("sheet", (text) => text.startsWith("readonly/egress"));
  say("rows", rows());
  const filter = inside.getElementById("filter");
  filter.value = "203.0.113.10";
  filter.dispatchEvent(new Event("input"));
  say("filtered", rows());
  inside.querySelector('#table td[tabindex="0"]').focus();
  const press = (key) => inside.activeElement.dispatchEvent(new page.contentWindow.KeyboardEvent("keydown", { key, bubbles: true }));
  for (let step = 0; step < 40 && !inside.activeElement.ariaLabel.includes("tcp:443"); step++) press("ArrowRight");
  say("cell", inside.activeElement.ariaLabel);
  say("explained", inside.getElementById("explanation").textContent);
  inside.getElementById("wrong").click();
  say("wrong", rows());
  document.getElementById("seen").textContent = seen.join("\n");
});
</script>
"##;

/// What the person saw, by its name.
fn look(directory: &Path) -> impl Fn(&str) -> String {
    fs::write(directory.join("person.html"), PERSON).expect("the page is written");
    let profile = tempfile::tempdir().expect("a directory");
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // Pages of files may look into each other.
            "--allow-file-access-from-files",
            "--virtual-time-budget=30000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(directory.join("person.html"))
        .output()
        .expect("chromium starts: ./cbox --install chromium");
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    let seen = page
        .split_once("<pre id=\"seen\">")
        .and_then(|(_, rest)| rest.split_once("</pre>"))
        .map(|(seen, _)| seen.replace("&amp;", "&"))
        .unwrap_or_default();
    assert!(!seen.is_empty(), "{page}\n{}", String::from_utf8_lossy(&output.stderr));
    move |name: &str| {
        let line = seen.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
        line.unwrap_or_else(|| panic!("nothing is said of {name}: {seen}"))
            .to_owned()
    }
}

#[test]
fn the_page_works_on_a_telephone_and_by_keyboard() {
    let folder = tempfile::tempdir().expect("a directory");
    let output = report(folder.path(), &["network", "--tier", "readonly"]);
    assert_eq!(output.status.code(), Some(0));
    let seen = look(folder.path());
    assert!(seen("totals").contains(" 0 failed, 0 errors"), "{}", seen("totals"));
    assert_eq!(seen("fits"), "true");
    assert!(seen("rows").parse::<u32>().expect("a number") > 50);
    assert_eq!(seen("filtered"), "1");
    assert_eq!(
        seen("cell"),
        "readonly/egress/tcp:443 203.0.113.10, a public address: open"
    );
    let explained = seen("explained");
    assert!(
        explained.contains("manifests/chart/templates/network-policy.yaml:") && explained.contains("policy simulator"),
        "{explained}"
    );
    assert_eq!(seen("wrong"), "0");
}
