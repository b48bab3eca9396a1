//! The pages for people in a real browser: alive, unharmed by what they show, and readable everywhere.

use std::path::Path;
use std::time::Duration;

use airbyte_sandbox::{Sandbox, Seed};
use reqwest::Method;
use serde_json::{Value, json};

use crate::chromium::{Browser, installed};
use crate::support::{Api, FAST, answer};

/// Where the last pictures are, for looking at them.
const PICTURES: &str = env!("CARGO_TARGET_TMPDIR");

/// Gives a connection a history of a week, and returns its id.
async fn with_history(api: &Api) -> String {
    let source = api.source(json!({"sourceType": "faker", "count": 1_000, "seed": 1})).await;
    api.patch(&format!("/sources/{source}"), &json!({"name": "Shop"})).await.expect(200);
    let destination =
        api.destination(json!({"destinationType": "sqlite", "destination_path": "shop.db"})).await;
    api.patch(&format!("/destinations/{destination}"), &json!({"name": "Warehouse"})).await.expect(200);
    let streams = json!([
        {"name": "users", "syncMode": "full_refresh_overwrite"},
        {"name": "products", "syncMode": "incremental_append", "cursorField": ["updated_at"]},
    ]);
    let connection = api.connect(&source, &destination, streams).await;
    let name = json!({"name": "Shop to warehouse"});
    api.patch(&format!("/connections/{connection}"), &name).await.expect(200);
    for users in [620, 660, 0, 710, 805, 790, 1_120] {
        if users == 0 {
            api.fault("fail-job,times=1").await;
            api.failing_sync(&connection).await;
        } else {
            let configuration = json!({"configuration": {"count": users}});
            api.patch(&format!("/sources/{source}"), &configuration).await.expect(200);
            api.sync(&connection).await;
        }
        let day = json!({"advance": "24h"});
        assert!(answer(api.control(Method::POST, "clock").json(&day)).await.status.is_success());
    }
    connection
}

/// Nothing has been asked of anybody but the sandbox, and nothing went wrong.
fn assert_quiet(browser: &mut Browser, api: &Api) {
    let (addresses, troubles) = browser.told();
    assert!(troubles.is_empty(), "{troubles:#?}");
    assert!(!addresses.is_empty());
    for address in addresses {
        let is_ours = address.starts_with(&api.host("/")) || address.starts_with("data:,");
        assert!(is_ours, "a page asked for {address}");
    }
}

#[tokio::test]
async fn pages_in_a_browser() {
    let Some(program) = installed() else { return };
    let mut browser = Browser::start(&program).await;
    a_page_follows_a_sync_without_being_loaded_again(&mut browser).await;
    browser.leave().await;
    what_a_reader_does_to_a_page_outlives_its_refreshing(&mut browser).await;
    browser.leave().await;
    names_do_not_run(&mut browser).await;
    browser.leave().await;
    pages_fit_their_window_and_can_be_read(&mut browser).await;
    browser.leave().await;
    without_scripts_everything_is_there(&mut browser).await;
}

async fn a_page_follows_a_sync_without_being_loaded_again(browser: &mut Browser) {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(1.0)).await;
    let connection = api.small_connection().await;
    let timeline = format!("/workspaces/{}/connections/{connection}/timeline", api.workspace());
    browser.open(&api.host(&timeline)).await;
    // Would be gone if the page were loaded anew.
    browser.value("window.mark = 1").await;
    let says = |text: &str| format!("document.querySelector('main').innerText.includes('{text}')");
    browser.until(&says("Nothing has run yet")).await;
    api.fault("slow-job=2s,times=1").await;
    let job = api.start_sync(&connection).await;
    browser.until(&says("running")).await;
    api.finished(job).await;
    browser.until(&says("succeeded")).await;
    browser.until("document.querySelectorAll('.bar').length === 1").await;
    assert_eq!(browser.value("window.mark").await, 1);

    browser.open(&api.host(&timeline.replace("timeline", "jobs/1"))).await;
    browser.value("window.mark = 2").await;
    let lines = "document.querySelectorAll('.log li').length";
    assert!(browser.value(lines).await.as_u64().unwrap() > 2);
    assert_quiet(browser, &api);
    api.sandbox.shutdown().await;
    browser.until("document.body.classList.contains('gone')").await;
    assert_eq!(browser.value("getComputedStyle(document.querySelector('#gone')).display").await, "block");
    assert_eq!(browser.value("window.mark").await, 2);
}

async fn what_a_reader_does_to_a_page_outlives_its_refreshing(browser: &mut Browser) {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(1.0)).await;
    let connection = api.small_connection().await;
    let job = api.start_sync(&connection).await;
    api.until(job, &["running", "succeeded"]).await;
    browser
        .open(&api.host(&format!("/workspaces/{}/connections/{connection}/jobs/1", api.workspace())))
        .await;
    browser
        .value("const log = document.querySelector('details'); log.open = false; log.querySelector('summary').focus()")
        .await;
    api.finished(job).await;
    browser.until("document.querySelector('main').innerText.includes('succeeded')").await;
    assert_eq!(browser.value("document.querySelector('details').open").await, json!(false));
    assert_eq!(browser.value("document.activeElement.tagName").await, "SUMMARY");
    assert_quiet(browser, &api);
}

async fn names_do_not_run(browser: &mut Browser) {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(FAST)).await;
    let evil =
        json!({"name": "</script><script>window.ran = 1</script><img src=x onerror='window.ran = 1'>"});
    let connection = api.small_connection().await;
    api.patch(&format!("/connections/{connection}"), &evil).await.expect(200);
    api.patch(&format!("/workspaces/{}", api.workspace()), &evil).await.expect(200);
    for path in ["", "/source", &format!("/connections/{connection}/timeline")] {
        browser.open(&api.host(&format!("/workspaces/{}{path}", api.workspace()))).await;
        assert_eq!(browser.value("window.ran === undefined").await, json!(true), "{path}");
        assert_eq!(browser.value("document.querySelectorAll('img').length").await, 0, "{path}");
        let name = browser.value("document.querySelector('header').innerText").await;
        assert!(name.as_str().unwrap().contains("<script>window.ran"), "{path}: {name}");
    }
    // Even if a script got onto a page, the browser would not run it.
    let smuggled = "const one = document.createElement('script'); one.textContent = 'window.ran = 1'; \
                    document.body.append(one); window.ran === undefined";
    assert_eq!(browser.value(smuggled).await, json!(true));
}

/// Every pair of colours of text and what is behind it, with too little contrast (below 4.5 : 1).
const FAINT: &str = r"(() => {
  const parse = (color) => color.match(/[\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = parse(color).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = getComputedStyle(one).backgroundColor;
      if (parse(color)[3] !== 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const faint = new Set();
  for (const element of document.querySelectorAll('body *')) {
    const writes = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!writes || element.closest('script, style, svg')) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faint.add(`${element.tagName}.${element.className}: ${contrast.toFixed(2)}`);
  }
  return [...faint];
})()";

async fn pages_fit_their_window_and_can_be_read(browser: &mut Browser) {
    let empty = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(FAST)).await;
    let month = Duration::from_hours(720);
    let full = Api::of(Sandbox::builder().seed(Seed::Demo).time_scale(FAST).token_ttl(month)).await;
    let connection = with_history(&full).await;
    let long = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(FAST)).await;
    let other = long.small_connection().await;
    let name = json!({"name": "a_name_without_any_place_to_break_".repeat(6)});
    long.patch(&format!("/connections/{other}"), &name).await.expect(200);
    let below = |path: &str| format!("connections/{connection}{path}");
    let pages = [
        (&empty, "empty", String::new()),
        (&long, "long-name", String::new()),
        (&long, "long-name-connection", format!("connections/{other}")),
        (&full, "workspace", String::new()),
        (&full, "sources", "source".to_owned()),
        (&full, "connection", below("")),
        (&full, "timeline", below("/timeline")),
        (&full, "failed-job", below("/jobs/3")),
        (&full, "job", below("/jobs/7")),
        (&full, "connectors", "settings/source".to_owned()),
    ];
    for (width, height) in [(1100, 800), (375, 720)] {
        for is_dark in [false, true] {
            browser.look_like(width, height, is_dark).await;
            for (api, name, path) in &pages {
                browser.open(&api.host(&format!("/workspaces/{}/{path}", api.workspace()))).await;
                let overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
                assert_eq!(browser.value(overflow).await, 0, "{name} is wider than {width}");
                assert_eq!(browser.value(FAINT).await, json!([]), "{name}, dark: {is_dark}");
                let colours = if is_dark { "dark" } else { "light" };
                let file = Path::new(PICTURES).join(format!("{name}-{width}-{colours}.png"));
                browser.picture(&file).await;
                assert!(file.metadata().unwrap().len() > 5_000, "{name} is blank");
            }
        }
    }
    assert_eq!(behind(browser).await, "rgb(19, 18, 28)");
    browser.look_like(1100, 800, false).await;
    assert_eq!(behind(browser).await, "rgb(246, 246, 250)");
    let (_, troubles) = browser.told();
    assert!(troubles.is_empty(), "{troubles:#?}");
}

async fn behind(browser: &mut Browser) -> Value {
    browser.value("getComputedStyle(document.body).backgroundColor").await
}

async fn without_scripts_everything_is_there(browser: &mut Browser) {
    let api = Api::of(Sandbox::builder().seed(Seed::Empty).time_scale(FAST)).await;
    let connection = api.small_connection().await;
    api.sync(&connection).await;
    browser.ask("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
    let page = format!("/workspaces/{}/connections/{connection}/jobs/1", api.workspace());
    browser.open(&api.host(&page)).await;
    let text = browser.value("document.querySelector('main').innerText").await;
    let text = text.as_str().unwrap();
    assert!(text.contains("succeeded") && text.contains("users"), "{text}");
}
