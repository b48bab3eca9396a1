//! A headless browser, driven over the DevTools protocol through pipes.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How long the browser may take for anything, on a busy machine too.
const PATIENCE: Duration = Duration::from_mins(1);

/// The browser that `cargo xtask test` has found or installed; `None` only where it is skipped on purpose.
pub(crate) fn installed() -> Option<PathBuf> {
    if std::env::var_os("AIRBYTE_TEST_SKIP_BROWSER").is_some_and(|skip| skip == "1") {
        return None;
    }
    let path = std::env::var_os("AIRBYTE_TEST_CHROMIUM").expect(
        "AIRBYTE_TEST_CHROMIUM is not set: run `cargo xtask test`, set it to a Chromium, or set \
         AIRBYTE_TEST_SKIP_BROWSER=1",
    );
    Some(path.into())
}

/// A browser with one open page.
pub(crate) struct Browser {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    messages: i64,
    /// What the browser has told without being asked.
    events: VecDeque<Value>,
    _process: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts it. The protocol's pipes are the descriptors 3 and 4, which a shell makes of its own two.
    pub(crate) async fn start(program: &Path) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#])
            .arg(program)
            .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"])
            .args(["--no-first-run", "--disable-extensions", "--disable-background-networking"])
            .args([
                "--disable-component-update",
                "--disable-sync",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a shell");
        let to = process.stdin.take().unwrap();
        let from = BufReader::new(process.stdout.take().unwrap());
        let mut browser = Self {
            to,
            from,
            session: None,
            messages: 0,
            events: VecDeque::new(),
            _process: process,
            _profile: profile,
        };
        let page = browser.ask("Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": page["targetId"], "flatten": true});
        let session = browser.ask("Target.attachToTarget", attach).await;
        browser.session = Some(session["sessionId"].as_str().expect("a session").to_owned());
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.ask(&format!("{domain}.enable"), json!({})).await;
        }
        browser
    }

    /// Sends a command and returns its result.
    pub(crate) async fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.messages += 1;
        let mut command = json!({"id": self.messages, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{command}\0").as_bytes()).await.expect("the browser runs");
        loop {
            let message = self.read(method).await;
            if message["id"] == self.messages {
                assert!(message["error"].is_null(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push_back(message);
        }
    }

    async fn read(&mut self, waiting_for: &str) -> Value {
        let mut message = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.from.read_until(0, &mut message)).await;
        let length = read.unwrap_or_else(|_| panic!("the browser does not answer to {waiting_for}")).unwrap();
        assert!(length > 0, "the browser has ended, at {waiting_for}");
        message.pop();
        serde_json::from_slice(&message).expect("JSON of the browser")
    }

    /// Waits for an event of this kind that has not been waited for yet.
    async fn event(&mut self, method: &str) {
        loop {
            if let Some(place) = self.events.iter().position(|event| event["method"] == method) {
                self.events.remove(place);
                return;
            }
            let message = self.read(method).await;
            self.events.push_back(message);
        }
    }

    /// Opens an address and waits until it has been loaded.
    pub(crate) async fn open(&mut self, address: &str) {
        self.events.retain(|event| event["method"] != "Page.loadEventFired");
        let opened = self.ask("Page.navigate", json!({"url": address})).await;
        assert!(opened["errorText"].is_null(), "{address}: {opened}");
        self.event("Page.loadEventFired").await;
    }

    /// Leaves the page, whose sandbox may be gone, and forgets what has been told of it.
    pub(crate) async fn leave(&mut self) {
        self.open("about:blank").await;
        self.told();
    }

    /// The value of an expression on the page.
    pub(crate) async fn value(&mut self, expression: &str) -> Value {
        let result =
            self.ask("Runtime.evaluate", json!({"expression": expression, "returnByValue": true})).await;
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true, without doing anything to the page.
    pub(crate) async fn until(&mut self, expression: &str) {
        let asking = async {
            while self.value(expression).await != json!(true) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, asking).await.is_err() {
            let text = self.value("document.body.innerText").await;
            panic!("never was true: {expression}; the page says {text}");
        }
    }

    /// Sets the size of the window, and whether the colours are dark.
    pub(crate) async fn look_like(&mut self, width: u32, height: u32, is_dark: bool) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.ask("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.ask("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// Writes a picture of what the window shows.
    pub(crate) async fn picture(&mut self, file: &Path) {
        let taken = self.ask("Page.captureScreenshot", json!({"format": "png"})).await;
        let bytes = BASE64_STANDARD.decode(taken["data"].as_str().expect("a picture")).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    /// The addresses that pages have asked for since the last call, and what went wrong on them.
    pub(crate) fn told(&mut self) -> (Vec<String>, Vec<String>) {
        let (mut addresses, mut troubles) = (Vec::new(), Vec::new());
        for event in self.events.drain(..) {
            match event["method"].as_str().unwrap_or_default() {
                "Network.requestWillBeSent" => {
                    addresses.extend(event["params"]["request"]["url"].as_str().map(str::to_owned));
                }
                "Runtime.exceptionThrown" | "Log.entryAdded" => troubles.push(event["params"].to_string()),
                _ => {}
            }
        }
        (addresses, troubles)
    }
}
