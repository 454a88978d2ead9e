//! The examples of docs/verdict.md are documents of the schemas.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use serde_json::Value;

fn docs(file: &str) -> String {
    std::fs::read_to_string(test_vectors::root().join("../docs").join(file)).expect("a page")
}

#[test]
fn every_example_of_the_page_fits_its_schema() {
    let schema =
        |name: &str| -> Value { serde_json::from_str(&docs(&format!("schema/{name}.schema.json"))).expect("JSON") };
    let verdict = jsonschema::validator_for(&schema("verdict-1")).expect("a schema");
    let error = jsonschema::validator_for(&schema("error-1")).expect("a schema");
    let page = docs("verdict.md");
    let examples: Vec<&str> =
        page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default()).collect();
    assert!(examples.len() >= 3, "trusted, refused and an error: {}", examples.len());
    for example in examples {
        let document: Value = serde_json::from_str(example).expect(example);
        let judge = if document["schema"] == "error/1" { &error } else { &verdict };
        let faults: Vec<String> = judge.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert_eq!(faults, Vec::<String>::new(), "{example}");
    }
}
