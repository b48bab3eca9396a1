//! What users get to hear who may not do everything.

use std::process::Command;

use airbyte_sandbox::{NewUser, Role, Sandbox, UserCredentials};

use crate::support::{Ended, NOWHERE, airbyte, run, text};

/// A sandbox in this process, and a user of it with this role in its workspace.
struct Seen {
    sandbox: Sandbox,
    user: UserCredentials,
    runtime: tokio::runtime::Runtime,
}

impl Seen {
    fn by(role: Role) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let sandbox = runtime.block_on(Sandbox::start()).unwrap();
        let user = NewUser::named("Rosa").in_workspace(&sandbox.ready().workspace_id, role);
        let user = sandbox.add_user(user).unwrap();
        Self { sandbox, user, runtime }
    }

    fn script(&self, arguments: &[&str]) -> Ended {
        let ready = self.sandbox.ready();
        let mut command: Command = airbyte(arguments);
        run(command
            .args(["--output", "json"])
            .env("AIRBYTE_API_URL", &ready.public_api_root)
            .env("AIRBYTE_WORKSPACE_ID", &ready.workspace_id)
            .env("AIRBYTE_CLIENT_ID", &self.user.client_id)
            .env("AIRBYTE_CLIENT_SECRET", &self.user.client_secret))
    }

    fn connection(&self) -> String {
        let list = self.script(&["connection", "list"]).exits(0).json();
        text(&list[0], "connection_id").to_owned()
    }

    fn end(self) {
        self.runtime.block_on(self.sandbox.shutdown());
    }
}

#[test]
fn a_reader_who_starts_a_sync_is_told_of_the_role() {
    let seen = Seen::by(Role::Reader);
    let refused = seen.script(&["connection", "sync", &seen.connection()]).exits(3);
    assert_eq!(refused.stdout, "");
    let error = refused.error();
    assert_eq!((text(&error, "kind"), error["status"].as_u64()), ("forbidden", Some(403)));
    assert!(text(&error, "hint").contains("role"), "{error}");
    assert_eq!(error["retryable"], false);
    seen.end();
}

#[test]
fn what_cannot_be_seen_is_not_found_and_the_hint_says_that_both_may_be() {
    let seen = Seen::by(Role::Admin);
    let foreign = seen.sandbox.add_organization("Other").unwrap().workspace_id;
    for arguments in [
        vec!["connection", "get", NOWHERE],
        vec!["connection", "sync", NOWHERE],
        vec!["job", "get", "987654"],
        vec!["workspace", "get", &foreign],
    ] {
        let error = seen.script(&arguments).exits(4).error();
        assert_eq!(text(&error, "kind"), "not_found", "{arguments:?}");
        assert!(text(&error, "hint").contains("no access"), "{arguments:?}: {error}");
    }
    seen.end();
}

#[test]
fn a_user_who_is_gone_is_not_authorised() {
    let seen = Seen::by(Role::Admin);
    seen.sandbox.remove_user(&seen.user.user_id).unwrap();
    let error = seen.script(&["connection", "list"]).exits(3).error();
    assert_eq!(text(&error, "kind"), "unauthorized");
    seen.end();
}
