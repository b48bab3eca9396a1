//! The documents and snapshots as they are checked in.

use insta::assert_snapshot;
use serde_json::Value;

use crate::regen::document::each_operation;
use crate::regen::{APIS, changes, checked_in, from_checked_in, missing_from_rules_page, probe, surface};
use crate::step::workspace_root;

#[test]
fn the_surface_is_as_reviewed() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../crates/api-raw/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    let _bound = settings.bind_to_scope();
    for api in APIS {
        let source = probe::generate(&checked_in(api).unwrap()).unwrap();
        assert_snapshot!(format!("{api}_operations"), surface::operations(&source).unwrap());
        assert_snapshot!(format!("{api}_types"), surface::types(&source).unwrap());
    }
}

#[test]
fn every_operation_has_a_summary_of_ours() {
    let mut count = 0;
    for api in APIS {
        each_operation(&mut checked_in(api).unwrap(), |operation| {
            let summary = operation.body.get("summary").and_then(Value::as_str).unwrap_or_default();
            assert!(
                summary.ends_with('.') && !summary.contains('\n'),
                "{api} {}: {summary:?}",
                operation.name()
            );
            count += 1;
            0
        });
    }
    assert!(count >= 92, "{count} operations");
}

#[test]
fn every_operation_of_the_public_api_is_there() {
    let mut ids = Vec::new();
    each_operation(&mut checked_in("public").unwrap(), |operation| {
        ids.push(operation.name());
        0
    });
    assert_eq!(ids.len(), 92);
    for id in [
        "createJob",
        "listConnections",
        "patchConnection",
        "createAccessToken",
        "listEmbeddedOrganizationsByUser",
    ] {
        assert!(ids.iter().any(|one| one == id), "{id}");
    }
}

#[test]
fn the_documents_are_a_fixed_point_of_the_rules() {
    changes::check(workspace_root(), &from_checked_in().unwrap()).unwrap();
}

#[test]
fn the_page_of_rules_names_every_rule() {
    assert_eq!(missing_from_rules_page().unwrap(), Vec::<String>::new());
}

#[test]
fn the_upstream_documents_give_what_is_checked_in() {
    // Only where they are at hand; elsewhere the fixed point is all that can be tested.
    if let Some(folder) = crate::upstream_documents().unwrap() {
        let files = crate::regen::from_upstream(Some(&folder)).unwrap();
        changes::check(workspace_root(), &files).unwrap();
    }
}
