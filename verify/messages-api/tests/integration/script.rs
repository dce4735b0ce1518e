use messages_api::Script;
use rstest::rstest;

/// What is said about a script of version 1 with these lines after it.
#[rstest]
#[case::unknown_key("unknown_key", "[[reply]]\ntxt = 'x'")]
#[case::unknown_table("unknown_table", "[[replies]]\ntext = 'x'")]
#[case::unknown_condition("unknown_condition", "[[reply]]\ntext = 'x'\nwhen = { tool = 'Bash' }")]
#[case::unknown_fault("unknown_fault", "[[reply]]\ntext = 'x'\nfault = { slow-after-events = 1 }")]
#[case::two_faults(
    "two_faults",
    "[[reply]]\ntext = 'x'\nfault = { cut-after-events = 1, hang-after-events = 2 }"
)]
#[case::wrong_type("wrong_type", "[[reply]]\ntext = 'x'\nwhen = { turn = 'zero' }")]
#[case::negative("negative", "[[reply]]\ntext = 'x'\npace = { between-deltas-ms = -1 }")]
#[case::zero_times("zero_times", "[[reply]]\ntext = 'x'\ntimes = 0")]
#[case::wrong_last("wrong_last", "[[reply]]\ntext = 'x'\nwhen = { last = 'tool' }")]
#[case::wrong_pattern("wrong_pattern", "[[reply]]\ntext = 'x'\nwhen = { contains = '(' }")]
#[case::wrong_placeholder("wrong_placeholder", "[[reply]]\ntext = 'a {{tool_results}}'")]
#[case::unclosed_placeholder("unclosed_placeholder", "[[reply]]\ntext = 'a {{tool_result'")]
#[case::no_name("no_name", "[[reply]]\ntools = [{ input = { command = 'true' } }]")]
#[case::no_toml("no_toml", "[[reply]]\ntext = x")]
#[case::no_reply("no_reply", "")]
#[case::nothing_said("nothing_said", "[[reply]]\nwhen = { turn = 0 }\nusage = { output-tokens = 1 }")]
#[case::error_and_text("error_and_text", "[[reply]]\ntext = 'x'\nerror = { status = 400 }")]
#[case::error_and_fault(
    "error_and_fault",
    "[[reply]]\nerror = { status = 400 }\nfault = { cut-after-events = 0 }"
)]
#[case::text_and_flood("text_and_flood", "[[reply]]\ntext = 'x'\nflood = { deltas = 1, text = 'x' }")]
#[case::no_error_status("no_error_status", "[[reply]]\nerror = { status = 200 }")]
#[case::nameless_status("nameless_status", "[[reply]]\nerror = { status = 418 }")]
#[case::unreachable(
    "unreachable",
    "[[reply]]\nwhen = { tools = false }\ntext = 'x'\n[[reply]]\ntext = 'y'\n\n[[reply]]\nwhen = { turn = 1 }\ntext = 'z'"
)]
fn a_wrong_script_is_explained_in_one_sentence(#[case] name: &str, #[case] lines: &str) {
    let error = Script::parse("test.toml", &format!("version = 1\n{lines}"))
        .unwrap_err()
        .to_string();
    assert!(!error.contains('\n'), "{error}");
    insta::assert_snapshot!(name, error, lines);
}

#[rstest]
#[case::future("future_version", "version = 2\n[[reply]]\ntext = 'x'")]
#[case::none("no_version", "[[reply]]\ntext = 'x'")]
fn another_version_is_refused(#[case] name: &str, #[case] text: &str) {
    insta::assert_snapshot!(name, Script::parse("test.toml", text).unwrap_err());
}
